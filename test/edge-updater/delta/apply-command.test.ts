/** The real program, and its child process where it has one: what it says, what it leaves behind, and what a kill does to it. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../contract/digest.ts';
import { smallProgram, smallRelease, writeDelta } from '../../fakes/small-delta.ts';
import { programFile } from '../../services/program-files.ts';

const program = programFile('edge command');
const release = smallRelease();
const delta = writeDelta(release);
const folder = mkdtempSync(path.join(tmpdir(), 'slipway-apply-'));
const place = (name: string) => path.join(folder, name);

function apply(...options: string[]) {
  const words = ['apply', place('old'), place('delta'), place('out'), '--json', ...options];
  const { status, stdout } = spawnSync(process.execPath, [program, ...words], { encoding: 'utf8' });
  return { status, answer: JSON.parse(stdout) };
}

beforeEach(() => {
  for (const name of readdirSync(folder)) rmSync(place(name), { recursive: true });
  writeFileSync(place('old'), release.base);
  writeFileSync(place('delta'), delta);
});
afterAll(() => rmSync(folder, { recursive: true }));

const left = () => readdirSync(folder).toSorted();

describe('slipway-edge apply', () => {
  it('makes the file and says what that took', () => {
    const { status, answer } = apply();
    expect(status).toBe(0);
    expect(readFileSync(place('out')).equals(Buffer.from(release.target))).toBe(true);
    expect(answer).toMatchObject({ length: release.target.length, sha256: sha256(release.target), parts: 5 });
    expect(answer.peakRssBytes).toBeGreaterThan(10_000_000);
    expect(answer.seconds).toBeGreaterThan(0);
    expect(left()).toEqual(['delta', 'old', 'out']);
  });

  it.each([
    ['a base of another release', 'old', (bytes: Buffer) => bytes.fill(1, 50, 60), 'delta-base-mismatch'],
    ['a delta cut off', 'delta', (bytes: Buffer) => bytes.subarray(0, -20), 'delta-truncated'],
    [
      'a delta with one bit changed',
      'delta',
      (bytes: Buffer) => bytes.fill(bytes[400] ?? 0 ^ 1, 401, 402),
      'delta-malformed',
    ],
    ['a file that is no delta', 'delta', () => Buffer.from('something else'), 'delta-malformed'],
  ] as const)('refuses %s and touches nothing', (_what, name, change, code) => {
    writeFileSync(place(name), change(readFileSync(place(name))));
    writeFileSync(place('out'), 'what was there before');
    const { status, answer } = apply();
    expect(answer.error.code).toBe(code);
    expect(status).toBe(4);
    expect(readFileSync(place('out'), 'utf8')).toBe('what was there before');
    expect(left()).toEqual(['delta', 'old', 'out']);
  });

  it('gives up when it takes more memory than it may', () => {
    const { status, answer } = apply('--max-memory-mib', '16');
    expect(answer.error.code).toBe('memory-exceeded');
    expect(status).toBe(7);
    expect(existsSync(place('out'))).toBe(false);
    expect(existsSync(place('out.partial'))).toBe(false);
  });

  it.each(['0', 'much', '-1'])('takes no %s MiB for an amount of memory', (amount) => {
    expect(apply(`--max-memory-mib=${amount}`)).toMatchObject({ status: 2, answer: { error: { code: 'usage' } } });
  });
});

describe('slipway-edge apply where nothing is encoded again', () => {
  const small = smallProgram();

  beforeEach(() => {
    writeFileSync(place('old'), small.base);
    writeFileSync(place('delta'), writeDelta(small));
  });

  it('makes the file in one process and leaves nothing else', () => {
    const { status, answer } = apply();
    expect(status).toBe(0);
    expect(readFileSync(place('out')).equals(Buffer.from(small.target))).toBe(true);
    expect(answer).toMatchObject({ length: small.target.length, sha256: sha256(small.target), parts: 1 });
    expect(left()).toEqual(['delta', 'old', 'out']);
  });

  it('refuses another base and touches nothing', () => {
    writeFileSync(place('old'), Buffer.from(small.base).fill(1, 50, 60));
    writeFileSync(place('out'), 'what was there before');
    expect(apply()).toMatchObject({ status: 4, answer: { error: { code: 'delta-base-mismatch' } } });
    expect(readFileSync(place('out'), 'utf8')).toBe('what was there before');
    expect(left()).toEqual(['delta', 'old', 'out']);
  });

  it('gives up when it takes more memory than it may', () => {
    const { status, answer } = apply('--max-memory-mib', '16');
    expect(answer.error.code).toBe('memory-exceeded');
    expect(status).toBe(7);
    expect(left()).toEqual(['delta', 'old']);
  });
});

/** Processes whose command line names the folder. */
function processes(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder);
      } catch {
        return false;
      }
    })
    .map(Number);
}

describe('a killed slipway-edge apply', () => {
  const larger = smallRelease(400_000);

  it('leaves no process, and under the name asked for nothing or all of the file, and ends right when it is run again', {
    timeout: 300_000,
  }, async () => {
    writeFileSync(place('old'), larger.base);
    writeFileSync(place('delta'), writeDelta(larger));
    const start = () => spawn(process.execPath, [program, 'apply', place('old'), place('delta'), place('out')]);
    let whole = Number.POSITIVE_INFINITY;
    let kills = 0;
    // Each life is a little longer: through start, decoding, rebuilding. One that is over before its kill, as the first
    // is, says how long a whole one is on this machine now, and another is begun.
    for (let tenths = 1, lives = 0; tenths < 10 && lives < 40; lives++) {
      const begin = performance.now();
      const child = start();
      const ended = once(child, 'exit');
      if (whole === Number.POSITIVE_INFINITY) await ended;
      else await Promise.race([ended, delay((whole * tenths) / 10)]);
      child.kill('SIGKILL');
      const [status] = await ended;
      if (status === null) {
        kills++;
        tenths += 2;
      } else {
        expect(status).toBe(0);
        whole = Math.min(whole, performance.now() - begin);
      }
      for (let wait = 0; processes().length > 0 && wait < 200; wait++) await delay(50);
      expect(processes()).toEqual([]);
      // Killed between its last step and its end, or not in time, it has left the whole file.
      if (!existsSync(place('out'))) continue;
      expect(readFileSync(place('out')).equals(Buffer.from(larger.target))).toBe(true);
      rmSync(place('out'));
    }
    expect(kills).toBe(5);
    expect(await once(start(), 'exit')).toEqual([0, null]);
    expect(readFileSync(place('out')).equals(Buffer.from(larger.target))).toBe(true);
    expect(left()).toEqual(['delta', 'old', 'out']);
  });
});
