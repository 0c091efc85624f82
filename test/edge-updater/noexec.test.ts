/** A device whose slots lie on a file system that starts no program: a real tmpfs in a mount namespace of its own. */
import path from 'node:path';
import { expect, it } from 'vitest';
import { describeUnless } from '../services/requirement.ts';
import { missingMounts, runOnTmpfs } from '../services/tmpfs.ts';

const root = path.join(import.meta.dirname, '..', '..');

/** Runs where the folder of devices is mounted; prints what happened as JSON. */
const script = `
  import { copyFileSync } from 'node:fs';
  import { spawnSync } from 'node:child_process';
  import { EdgeDevice, bytesOf, never } from '${root}/test/fakes/edge-device.ts';
  import { ExecService } from '${root}/edge-updater/adapters/service/exec-service.ts';
  import { systemClock } from '${root}/edge-updater/adapters/system-clock.ts';
  const edge = new EdgeDevice();
  const program = (c) => ({ ...c, mode: '0755' });
  const files = (version) => [{ path: 'bin/server', bytes: bytesOf(version, 3000) }];
  const remount = (how) => spawnSync('mount', ['-o', 'remount,' + how, process.env.DEVICES], { stdio: 'inherit' });
  remount('exec');
  const first = edge.publish('1.0.0', 1, files('1.0.0'), program);
  edge.server.offered = first.manifest;
  const device = edge.start();
  await device.recover(never);
  await device.check(never);
  remount('noexec');
  const next = edge.publish('2.0.0', 2, files('2.0.0'), program);
  edge.server.offered = next.manifest;
  const before = await device.check(never);
  const { held, rejected } = device.state;
  const running = edge.service.running === first.digest && edge.slots.currentLink === first.digest;
  const slot = edge.stateDirectory + '/slots/' + first.digest;
  copyFileSync('/bin/true', slot + '/true');
  const narrator = { state() {}, warn() {}, progress() {} };
  const started = await new ExecService({
    stateDirectory: edge.stateDirectory, command: ['{slot}/true'], env: {}, stopTimeoutSeconds: 1, output: 'file',
    currentSlot: () => first.digest, clock: systemClock, narrator,
  }).restart().catch((error) => error.code);
  remount('exec');
  const after = await device.check(never);
  console.log(JSON.stringify({
    before: [before.attempt.outcome, before.attempt.code, before.attempt.transfer.bytesOnWire], running,
    held: held.map(({ code }) => code), rejected, started, after: after.attempt.outcome,
  }));
  process.exit(0);
`;

describeUnless(missingMounts, 'a release with programs on a noexec mount', () => {
  it('is held before a byte is moved, disturbs nothing, and is installed once the mount is right', () => {
    expect(runOnTmpfs('noexec', script)).toEqual({
      ...{ before: ['failed', 'not-executable', 0], running: true, held: ['not-executable'], rejected: [] },
      ...{ started: 'not-executable', after: 'committed' },
    });
  });
});
