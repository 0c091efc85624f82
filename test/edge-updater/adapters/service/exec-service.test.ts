/** Real processes: one service at a time, whatever happens to the updater that started it. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ExecService } from '../../../../edge-updater/adapters/service/exec-service.ts';
import { systemClock } from '../../../../edge-updater/adapters/system-clock.ts';

const slot = 'a'.repeat(64);
let folder: string;
let current: string | undefined;
let services: ExecService[];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'exec-service-'));
  current = slot;
  services = [];
  for (const digest of [slot, 'b'.repeat(64)]) mkdirSync(path.join(folder, 'slots', digest), { recursive: true });
});
afterEach(async () => {
  for (const service of services) await service.release('stop');
  rmSync(folder, { recursive: true, force: true });
});

/** Writes a line for each start, then stays. */
const stays = 'echo "$$ {slot}" >> "$STARTS"; exec sleep 1000';

function open(script = stays, stopTimeoutSeconds = 2): ExecService {
  const service = new ExecService({
    stateDirectory: folder,
    command: ['/bin/sh', '-c', script],
    env: { STARTS: path.join(folder, 'starts') },
    ...{ stopTimeoutSeconds, output: 'file', currentSlot: () => current, clock: systemClock },
    narrator: { state: () => undefined, warn: () => undefined, progress: () => undefined },
  });
  services.push(service);
  return service;
}

/** The shell makes the file before it writes the first line. */
const starts = () => {
  try {
    return readFileSync(path.join(folder, 'starts'), 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    return [];
  }
};
const isAlive = (pid: number) => {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};
/** Ask by expect.poll: whoever was sent a signal needs a moment on a busy machine. */
const pids = () => starts().map((line) => Number(line.split(' ')[0]));
const started = (count: number) => vi.waitFor(() => expect(starts()).toHaveLength(count), 20_000);

describe('a service', () => {
  it('runs from the slot that is current', async () => {
    await open().restart();
    await started(1);
    expect(starts()[0]).toContain(path.join(folder, 'slots', slot));
  });

  it('is ended before the next one starts', async () => {
    const service = open();
    await service.restart();
    await started(1);
    current = 'b'.repeat(64);
    await service.restart();
    await started(2);
    await expect.poll(() => pids().map(isAlive)).toEqual([false, true]);
  });

  it('that ignores SIGTERM is killed, with its children', async () => {
    const service = open(
      `trap "" TERM; sleep 1000 & echo "$! {slot}" >> "$STARTS"; ${'while :; do sleep 1; done'}`,
      0.2,
    );
    await service.restart();
    await started(1);
    await service.stop();
    await expect.poll(() => pids().map(isAlive)).toEqual([false]);
    expect((await service.condition()).isActive).toBe(false);
  });

  it('that ends is started again and counted', async () => {
    const service = open('echo "$$ x" >> "$STARTS"; exit 3');
    await service.restart();
    await started(2);
    expect((await service.condition()).crashes).toBeGreaterThan(0);
    // The one that has just started may not have ended yet.
    await expect.poll(async () => (await service.condition()).detail, { timeout: 20_000 }).toMatch(/status 3/);
  });

  it('that cannot be started says so', async () => {
    const service = new ExecService({
      ...{ stateDirectory: folder, command: ['{slot}/missing'], env: {}, stopTimeoutSeconds: 1, output: 'file' },
      ...{ currentSlot: () => current, clock: systemClock },
      narrator: { state: () => undefined, warn: () => undefined, progress: () => undefined },
    });
    await expect(service.restart()).rejects.toMatchObject({ code: 'service-start-failed' });
    await service.stop();
  });
});

describe('the last words of a service', () => {
  it('are the last line of its log, and say where the rest is', async () => {
    const service = open('echo first; echo; echo "the reason" >&2; exec sleep 1000');
    await service.restart();
    const where = path.join(folder, 'service.log');
    await vi.waitFor(async () => expect(await service.lastWords()).toEqual({ line: 'the reason', where }), 20_000);
  });

  it('are none before it wrote anything', async () => {
    expect((await open().lastWords()).line).toBeUndefined();
  });

  it('of a log that is long are read from its end', async () => {
    writeFileSync(path.join(folder, 'service.log'), `${'x'.repeat(1_000_000)}\nend\n`);
    expect((await open().lastWords()).line).toBe('end');
  });
});

describe('an updater that comes after one that was killed', () => {
  it('goes on with the service that was left, and can end it', async () => {
    await open().restart();
    await started(1);
    await services[0]?.release('leave');
    const next = open();
    await next.ensure();
    expect(starts()).toHaveLength(1);
    expect((await next.condition()).isActive).toBe(true);
    await next.stop();
    await expect.poll(() => pids().map(isAlive)).toEqual([false]);
  });

  it('ends the service that was left when another release is current', async () => {
    await open().restart();
    await started(1);
    await services[0]?.release('leave');
    current = 'b'.repeat(64);
    await open().ensure();
    await started(2);
    await expect.poll(() => pids().map(isAlive)).toEqual([false, true]);
  });

  it('finds a service whose pid nobody wrote down', async () => {
    const mark = 'b1946ac9-test';
    const orphan = spawn('sleep', ['1000'], { detached: true, env: { SLIPWAY_SERVICE_MARK: mark }, stdio: 'ignore' });
    writeFileSync(path.join(folder, 'service.json'), JSON.stringify({ schemaVersion: 1, mark, slot }));
    const next = open();
    expect((await next.condition()).isActive).toBe(true);
    await next.stop();
    expect(isAlive(orphan.pid as number)).toBe(false);
  });

  it('starts one though the disk takes no record of it, and the next updater finds it', async () => {
    const service = open();
    // A folder where the file should be stands for a disk that refuses it.
    mkdirSync(path.join(folder, 'service.json.tmp', 'x'), { recursive: true });
    await service.restart();
    await started(1);
    // Linux shows no environment of a process that is about to become another program.
    await expect.poll(() => readFileSync(`/proc/${pids()[0]}/comm`, 'utf8')).toBe('sleep\n');
    await service.release('leave');
    const next = open();
    expect((await next.condition()).isActive).toBe(true);
    await next.ensure();
    expect(starts()).toHaveLength(1);
    await next.stop();
    await expect.poll(() => pids().map(isAlive)).toEqual([false]);
  });

  it('leaves alone what a service has started', async () => {
    const child = spawn('sleep', ['1000'], {
      ...{ detached: true, env: { SLIPWAY_SERVICE_OF: folder }, stdio: 'ignore', cwd: tmpdir() },
    });
    await open().stop();
    expect(isAlive(child.pid as number)).toBe(true);
    execFileSync('kill', [String(child.pid)]);
  });

  it('leaves a stranger alone that got the pid', async () => {
    const stranger = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    const process = { pid: stranger.pid, startTime: '1', bootId: 'another boot' };
    writeFileSync(path.join(folder, 'service.json'), JSON.stringify({ schemaVersion: 1, mark: 'm', slot, process }));
    await open().stop();
    expect(isAlive(stranger.pid as number)).toBe(true);
    execFileSync('kill', [String(stranger.pid)]);
  });
});
