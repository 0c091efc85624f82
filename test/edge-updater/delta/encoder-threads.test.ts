/** How many threads a device takes for one frame, by what edge.yaml, the machine and the unit say. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { freeMemoryBytes } from '../../../edge-updater/adapters/delta/free-memory.ts';
import { type EncoderMeans, encoderThreads } from '../../../edge-updater/delta/encoder-threads.ts';

const mebibyte = 2 ** 20;
const ample: EncoderMeans = {
  ...{ allowed: 2, cores: 4, freeBytes: 2048 * mebibyte },
  ...{ maxMemoryBytes: 256 * mebibyte, furtherBytes: 64 * mebibyte },
};

describe('threads for one frame', () => {
  it.each<[string, Partial<EncoderMeans>, number]>([
    ['as many as edge.yaml allows', {}, 2],
    ['as many as there are cores', { allowed: 8 }, 4],
    ['one on a box with one core', { cores: 1 }, 1],
    ['one where edge.yaml says so', { allowed: 1 }, 1],
    ['one where memory is just enough for that', { freeBytes: 300 * mebibyte }, 1],
    ['one where memory is short already', { freeBytes: 100 * mebibyte }, 1],
    ['two where there is room for another one and the reserve', { freeBytes: 384 * mebibyte }, 2],
    ['one where a byte of that is missing', { freeBytes: 384 * mebibyte - 1 }, 1],
    ['one where nobody knows what is free', { freeBytes: undefined }, 1],
    ['one where more would do nothing', { furtherBytes: undefined }, 1],
  ])('are %s', (_, means, expected) => {
    expect(encoderThreads({ ...ample, ...means })).toBe(expected);
  });
});

describe('free memory', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-memory-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (name: string, text: string) => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  };
  const free = () => freeMemoryBytes(path.join(folder, 'proc'), path.join(folder, 'groups'));

  it('is that of the machine, or what the unit or a slice around it leaves, its cache not counted', () => {
    expect(free()).toBeUndefined();
    write('proc/meminfo', 'MemTotal:        2000000 kB\nMemAvailable:    1000000 kB\n');
    expect(free()).toBe(1_000_000 * 1024);
    write('proc/self/cgroup', '0::/system.slice/slipway-edge.service\n');
    const unit = 'groups/system.slice/slipway-edge.service';
    write(`${unit}/memory.current`, '200000000\n');
    write(`${unit}/memory.stat`, 'anon 90000000\ninactive_file 60000000\nactive_file 40000000\n');
    write(`${unit}/memory.high`, 'max\n');
    write(`${unit}/memory.max`, '400000000\n');
    expect(free()).toBe(300_000_000);
    write(`${unit}/memory.high`, '350000000\n');
    expect(free()).toBe(250_000_000);
    write('groups/system.slice/memory.max', '500000000\n');
    write('groups/system.slice/memory.current', '480000000\n');
    expect(free()).toBe(20_000_000);
  });

  it('of this machine is known', () => {
    expect(freeMemoryBytes()).toBeGreaterThan(0);
  });
});
