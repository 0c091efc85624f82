import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { drawnStream } from '../../../system/store/drawn-stream.ts';

const content = Buffer.from(Array.from({ length: 2_500_000 }, (_, i) => i % 251));

/** A service whose streams break after so many bytes each, in turn; the last of them is whole. */
function service(...breaksAfter: number[]) {
  const asked: [number, number][] = [];
  const openFrom = async (offset: number, bytes: number): Promise<Readable> => {
    asked.push([offset, bytes]);
    const length = breaksAfter.shift();
    return Readable.from(
      (async function* () {
        const end = offset + (length ?? bytes);
        for (let at = offset; at < end; at += 1000) yield content.subarray(at, Math.min(end, at + 1000));
        if (length !== undefined) throw new Error('the connection timed out');
      })(),
    );
  };
  return { asked, openFrom };
}

const whole = content.length;
const fail = () => new Error('the store is away');

/** @param rests milliseconds before each read */
async function readAll({ openFrom }: ReturnType<typeof service>, patienceMs = 60_000, rests: readonly number[] = []) {
  const object = drawnStream(await openFrom(0, span), { length: whole, openFrom, fail, patienceMs });
  const pieces: Buffer[] = [];
  for (;;) {
    const rest = rests[pieces.length];
    if (rest !== undefined) await pause(rest);
    const into = Buffer.alloc(640);
    const count = await object.read(into);
    if (count === 0) break;
    pieces.push(into.subarray(0, count));
  }
  object.close();
  return Buffer.concat(pieces);
}

const span = 1024 * 1024;

it('goes on from where a stream broke, as often as bytes come', async () => {
  const broken = service(2500, 3000, 500);
  expect((await readAll(broken)).equals(content)).toBe(true);
  expect(broken.asked.slice(0, 4)).toEqual([
    [0, span],
    [2500, span],
    [5500, span],
    [6000, span],
  ]);
});

it('asks for longer spans while they are read', async () => {
  const steady = service();
  expect((await readAll(steady)).equals(content)).toBe(true);
  expect(steady.asked).toEqual([
    [0, span],
    [span, whole - span],
  ]);
});

it('keeps no stream that nobody reads, and goes on in short spans that grow', async () => {
  const steady = service();
  expect((await readAll(steady, 10, [0, 0, 100])).equals(content)).toBe(true);
  const [, [second = 0] = [], [third = 0, thirdBytes = 0] = []] = steady.asked;
  expect(second).toBeLessThanOrEqual(2000);
  expect([third, thirdBytes]).toEqual([second + span, whole - second - span]);
});

it('gives up where the next stream gives nothing', async () => {
  const broken = service(2500, 0);
  await expect(readAll(broken)).rejects.toThrow('the store is away');
  expect(broken.asked).toEqual([
    [0, span],
    [2500, span],
  ]);
});

it('gives up where the first stream gives nothing', async () => {
  await expect(readAll(service(0))).rejects.toThrow('the store is away');
});
