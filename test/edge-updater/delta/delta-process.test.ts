import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { deltaProcess } from '../../../edge-updater/adapters/delta/delta-process.ts';
import { smallRelease, writeDelta } from '../../fakes/small-delta.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'slipway-process-'));
const files = {
  base: path.join(folder, 'old'),
  delta: path.join(folder, 'delta'),
  scratch: path.join(folder, 'parts'),
};
const release = smallRelease(200_000);
const memory = 256 * 1024 * 1024;
const never = new AbortController().signal;

beforeEach(() => {
  rmSync(files.scratch, { recursive: true, force: true });
  writeFileSync(files.base, release.base);
  writeFileSync(files.delta, writeDelta(release));
});
afterAll(() => rmSync(folder, { recursive: true }));

const deltas = deltaProcess({ zstdPrograms: [], maxEncoderThreads: 1 });

async function take(content: AsyncGenerator<Uint8Array, unknown>) {
  const pieces: Uint8Array[] = [];
  for (;;) {
    const step = await content.next();
    if (step.done === true) return { bytes: Buffer.concat(pieces), cost: step.value };
    pieces.push(step.value);
  }
}

it('streams the target and leaves finished parts, which the next run takes', async () => {
  const first = await take(deltas.apply(files, memory, never));
  expect(first.bytes.equals(Buffer.from(release.target))).toBe(true);
  expect(first.cost).toMatchObject({ parts: 5, resumedParts: 0 });
  expect(readdirSync(files.scratch).toSorted()).toEqual(['new-0', 'new-2']);
  const again = await take(deltas.apply(files, memory, never));
  expect(again.bytes.equals(first.bytes)).toBe(true);
  expect(again.cost).toMatchObject({ parts: 5, resumedParts: 2 });
});

it('makes parts again that were changed or cut off meanwhile', async () => {
  await take(deltas.apply(files, memory, never));
  writeFileSync(path.join(files.scratch, 'new-2'), 'short');
  writeFileSync(path.join(files.scratch, 'old-2.77'), 'of a killed run');
  const { bytes, cost } = await take(deltas.apply(files, memory, never));
  expect(bytes.equals(Buffer.from(release.target))).toBe(true);
  expect(cost).toMatchObject({ resumedParts: 1 });
  expect(readdirSync(files.scratch).toSorted()).toEqual(['new-0', 'new-2']);
});

it('ends the process when nobody wants the rest', async () => {
  for await (const chunk of deltas.apply(files, memory, never)) {
    expect(chunk.length).toBeGreaterThan(0);
    break;
  }
});

it('ends the process when it is told to stop', async () => {
  const stop = new AbortController();
  const content = deltas.apply(files, memory, stop.signal);
  // It has begun, and cannot end by itself: nobody takes the rest, which is more than a pipe holds.
  expect((await content.next()).done).toBe(false);
  stop.abort();
  await expect(take(content)).rejects.toMatchObject({ name: 'AbortError' });
});

it('says so when the process cannot work', async () => {
  const missing = { ...files, base: path.join(folder, 'absent') };
  await expect(take(deltas.apply(missing, memory, never))).rejects.toMatchObject({ code: 'io-error' });
});
