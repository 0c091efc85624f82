import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { drawnStream } from '../../../distributor/adapters/drawn-stream.ts';

const content = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 251));

/** A service whose streams break after so many bytes each, in turn; the last of them is whole. */
function service(...breaksAfter: number[]) {
  const asked: number[] = [];
  const openFrom = async (offset: number): Promise<Readable> => {
    asked.push(offset);
    const length = breaksAfter.shift();
    return Readable.from(
      (async function* () {
        const end = length === undefined ? content.length : offset + length;
        for (let at = offset; at < end; at += 100) yield content.subarray(at, Math.min(end, at + 100));
        if (length !== undefined) throw new Error('the connection timed out');
      })(),
    );
  };
  return { asked, openFrom };
}

async function readAll({ openFrom }: ReturnType<typeof service>): Promise<Buffer> {
  const fail = () => new Error('the store is away');
  const object = drawnStream(await openFrom(0), { length: content.length, openFrom, fail });
  const pieces: Buffer[] = [];
  for (;;) {
    const into = Buffer.alloc(64);
    const count = await object.read(into);
    if (count === 0) return Buffer.concat(pieces);
    pieces.push(into.subarray(0, count));
  }
}

it('goes on from where a stream broke, as often as bytes come', async () => {
  const broken = service(250, 300, 50);
  expect((await readAll(broken)).equals(content)).toBe(true);
  expect(broken.asked).toEqual([0, 250, 550, 600]);
});

it('gives up where the next stream gives nothing', async () => {
  const broken = service(250, 0);
  await expect(readAll(broken)).rejects.toThrow('the store is away');
  expect(broken.asked).toEqual([0, 250]);
});

it('gives up where the first stream gives nothing', async () => {
  await expect(readAll(service(0))).rejects.toThrow('the store is away');
});
