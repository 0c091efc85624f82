/** The systemd adapter against a program that stands in for systemctl and writes down how it was called. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SystemdService } from '../../../../edge-updater/adapters/service/systemd-service.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'systemctl-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const calls = () => readFileSync(path.join(folder, 'calls'), 'utf8').trim().split('\n');

/** @param show what `systemctl show` prints @param failing the verb that fails @param endless the one that never ends */
function open(
  show = 'ActiveState=active\nNRestarts=0',
  failing = 'none',
  endless = 'none',
  stopTimeoutSeconds = 10,
): SystemdService {
  const program = path.join(folder, 'systemctl');
  const lines = [
    '#!/bin/sh',
    `echo "$@" >> "${folder}/calls"`,
    `[ "$1" = "${failing}" ] && { echo "Job for k3s.service failed." >&2; exit 1; }`,
    `[ "$1" = "${endless}" ] && exec sleep 1000`,
    `[ "$1" = show ] && cat "${folder}/show"`,
    'exit 0',
  ];
  writeFileSync(program, lines.join('\n'), { mode: 0o755 });
  writeFileSync(path.join(folder, 'show'), `${show}\n`);
  return new SystemdService('k3s.service', stopTimeoutSeconds, program);
}

it('re-arms a unit at its start limit before it restarts it', async () => {
  await open().restart();
  expect(calls().slice(0, 2)).toEqual(['reset-failed k3s.service', 'restart k3s.service']);
});

it('names a unit that does not start', async () => {
  await expect(open(undefined, 'restart').restart()).rejects.toMatchObject({
    code: 'service-start-failed',
    message: expect.stringContaining('Job for k3s.service failed'),
  });
});

it.each([
  ['resources', 'memory-exceeded'],
  ['exit-code', 'service-start-failed'],
])('takes the result %s of a unit that does not start for %s', async (result, code) => {
  const show = `ActiveState=failed\nNRestarts=0\nResult=${result}`;
  await expect(open(show, 'restart').restart()).rejects.toMatchObject({ code });
});

it('leaves it to the probation how long a start may take', async () => {
  const service = open('ActiveState=activating\nNRestarts=0', 'none', 'restart', 0);
  await expect(service.restart()).resolves.toBeUndefined();
  expect((await service.condition()).isActive).toBe(false);
});

it('starts a unit whose reset is refused', async () => {
  await expect(open(undefined, 'reset-failed').restart()).resolves.toBeUndefined();
});

it.each([
  ['active', true],
  ['reloading', true],
  ['activating', false],
  ['failed', false],
])('takes %s for active: %s', async (state, isActive) => {
  expect(await open(`ActiveState=${state}\nNRestarts=2`).condition()).toMatchObject({ isActive });
});

it('takes a unit that starts for one that may become active, and one that waits for its restart for none', async () => {
  const starting = open('ActiveState=activating\nSubState=start\nNRestarts=0');
  expect(await starting.condition()).toMatchObject({ isActive: false, isStarting: true });
  const waiting = open('ActiveState=activating\nSubState=auto-restart\nNRestarts=4');
  expect(await waiting.condition()).toMatchObject({ isActive: false, isStarting: false });
});

it('has its last words from the journal, and does without where there is none', async () => {
  const program = path.join(folder, 'journalctl');
  writeFileSync(program, '#!/bin/sh\n[ "$2" = k3s.service ] && printf "one\\nno etcd\\n"\n', { mode: 0o755 });
  const where = 'journalctl -u k3s.service';
  const systemctl = path.join(folder, 'systemctl');
  expect(await new SystemdService('k3s.service', 1, systemctl, program).lastWords()).toEqual({
    line: 'no etcd',
    where,
  });
  expect(await new SystemdService('k3s.service', 1, systemctl, '/nowhere').lastWords()).toEqual({
    line: undefined,
    where,
  });
});

it('counts the restarts since its own one', async () => {
  const service = open('ActiveState=active\nNRestarts=4');
  await service.restart();
  writeFileSync(path.join(folder, 'show'), 'ActiveState=active\nNRestarts=7\n');
  expect((await service.condition()).crashes).toBe(3);
});

it('leaves the unit alone at start and end of the updater', async () => {
  const service = open();
  await service.ensure();
  await service.release();
  await service.stop();
  expect(calls()).toEqual(['stop k3s.service']);
});
