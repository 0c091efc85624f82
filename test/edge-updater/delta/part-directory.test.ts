import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { PartDirectory } from '../../../edge-updater/adapters/delta/part-directory.ts';

function folder() {
  const place = mkdtempSync(path.join(tmpdir(), 'slipway-parts-'));
  return { place, [Symbol.dispose]: () => rmSync(place, { recursive: true }) };
}

it('writes and reads thousands of parts at once with few descriptors', () => {
  using temporary = folder();
  const descriptors = () => readdirSync('/proc/self/fd').length;
  const before = descriptors();
  const parts = new PartDirectory(temporary.place);
  const files = Array.from({ length: 2000 }, (_, i) => parts.begin(`old-${i}`));
  for (let round = 0; round < 2; round++) {
    for (const [i, file] of files.entries()) file.sink.write(Buffer.from(`${i}/${round} `));
  }
  expect(descriptors() - before).toBeLessThan(150);
  for (const [i, file] of files.entries()) {
    const source = file.finish();
    const bytes = new Uint8Array(source.length);
    source.readInto(bytes, 0);
    expect(Buffer.from(bytes).toString()).toBe(`${i}/0 ${i}/1 `);
  }
  parts.close();
  expect(readdirSync(temporary.place)).toEqual([]);
});

it('keeps whole new parts for another run, and nothing else', () => {
  using temporary = folder();
  const parts = new PartDirectory(path.join(temporary.place, 'a'));
  const whole = parts.begin('new-3');
  whole.sink.write(Buffer.from('whole'));
  whole.finish();
  parts.begin('new-4').sink.write(Buffer.from('half'));
  parts.begin('old-1').sink.write(Buffer.from('old'));
  const scratch = parts.scratch();
  scratch.sink.write(Buffer.from('prediction'));
  parts.close();
  const later = new PartDirectory(path.join(temporary.place, 'a'));
  expect(readdirSync(path.join(temporary.place, 'a'))).toEqual(['new-3']);
  expect(later.leftBytes()).toBe(5);
  expect(later.finished('new-3', 5)?.length).toBe(5);
  expect(later.finished('new-3', 6)).toBeUndefined();
  expect(later.finished('new-4', 4)).toBeUndefined();
});

it('removes what a killed run left half written', () => {
  using temporary = folder();
  const place = path.join(temporary.place, 'b');
  mkdirSync(place);
  for (const name of ['new-1', 'new-2.99', 'old-7', 'prediction.99']) writeFileSync(path.join(place, name), name);
  expect(new PartDirectory(place).leftBytes()).toBe(5);
  expect(readdirSync(place)).toEqual(['new-1']);
});

it('gives one part after the other room for its prediction, in a file without a name', () => {
  using temporary = folder();
  const parts = new PartDirectory(temporary.place);
  for (const prediction of ['a long prediction', 'a short one']) {
    const scratch = parts.scratch();
    scratch.sink.write(Buffer.from(prediction));
    const source = scratch.source();
    const bytes = new Uint8Array(source.length);
    source.readInto(bytes, 0);
    expect(Buffer.from(bytes).toString()).toBe(prediction);
    expect(readdirSync(temporary.place)).toEqual([]);
    scratch.close();
  }
  parts.close();
});
