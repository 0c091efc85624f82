import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { TwinFile } from '../../../../edge-updater/adapters/disk/twin-file.ts';

let folder: string;
let stem: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'twin-'));
  stem = path.join(folder, 'value');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const texts = () => new TwinFile(stem).read().values.map((value) => Buffer.from(value).toString());
const write = (text: string) => new TwinFile(stem).write(Buffer.from(text));

it('gives the newest value first and keeps the one before it', () => {
  for (const text of ['one', 'two', 'three']) write(text);
  expect(texts()).toEqual(['three', 'two']);
});

it('torn at any byte gives the value before, and the next write heals the torn file', () => {
  for (const text of ['one', 'two']) write(text);
  const file = `${stem}.b`;
  const bytes = readFileSync(file);
  for (let length = 0; length < bytes.length; length++) {
    writeFileSync(file, bytes.subarray(0, length));
    expect(texts(), `torn at ${length}`).toEqual(['one']);
  }
  write('three');
  expect(texts()).toEqual(['three', 'one']);
});

it('does not believe a value that was changed', () => {
  write('one');
  const bytes = readFileSync(`${stem}.a`);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  writeFileSync(`${stem}.a`, bytes);
  expect(new TwinFile(stem).read()).toEqual({ values: [], damaged: 1 });
});
