/** Settings that lie outside of the data directory go back with a release, and nothing that a person wrote is lost. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  bytesOutside,
  copyOutside,
  giveOutsideBack,
} from '../../../../edge-updater/adapters/datastore/outside-files.ts';

let folder: string;
let file: string;
const at = (...parts: string[]) => path.join(folder, ...parts);

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'outside-'));
  file = at('etc/config.yaml');
  mkdirSync(at('etc/config.yaml.d'), { recursive: true });
  writeFileSync(file, 'old', { mode: 0o640 });
  utimesSync(file, 1000, 2000);
  writeFileSync(at('etc/config.yaml.d/a.yaml'), 'a');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function kept(paths = [file, `${file}.d`, at('etc/none.yaml')]) {
  return { paths, copied: copyOutside(paths, at('copy')) };
}

it('gives files back with their modes and times, and takes away what was not there', () => {
  const record = kept();
  writeFileSync(file, 'by a person');
  rmSync(at('etc/config.yaml.d'), { recursive: true });
  writeFileSync(at('etc/none.yaml'), 'new');
  giveOutsideBack(record, at('copy'), at('aside'));
  expect(readFileSync(file, 'utf8')).toBe('old');
  expect([statSync(file).mode & 0o777, statSync(file).mtimeMs]).toEqual([0o640, 2_000_000]);
  expect(readFileSync(at('etc/config.yaml.d/a.yaml'), 'utf8')).toBe('a');
  expect(existsSync(at('etc/none.yaml'))).toBe(false);
  expect(existsSync(at('etc/.slipway-restored'))).toBe(false);
  expect(readFileSync(at('aside', file), 'utf8')).toBe('by a person');
  expect(readFileSync(at('aside', folder, 'etc/none.yaml'), 'utf8')).toBe('new');
});

it('keeps what was set aside first when it is done again', () => {
  const record = kept();
  writeFileSync(file, 'by a person');
  giveOutsideBack(record, at('copy'), at('aside'));
  writeFileSync(file, 'half');
  giveOutsideBack(record, at('copy'), at('aside'));
  expect(readFileSync(file, 'utf8')).toBe('old');
  expect(readFileSync(at('aside', file), 'utf8')).toBe('by a person');
});

it('touches nothing where nothing has changed', () => {
  const record = kept();
  const { ino } = statSync(file);
  giveOutsideBack(record, at('copy'), at('aside'));
  expect(statSync(file).ino).toBe(ino);
});

it('counts what is there', () => {
  expect(bytesOutside([file, at('etc/none.yaml')])).toBe(3);
});
