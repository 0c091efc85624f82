/** Devices on disks that are really full: small tmpfs in mount namespaces of their own. */
import path from 'node:path';
import { expect, it } from 'vitest';
import { describeUnless } from '../services/requirement.ts';
import { missingMounts, runOnTmpfs } from '../services/tmpfs.ts';

const root = path.join(import.meta.dirname, '..', '..');

const prelude = `
  import { spawnSync } from 'node:child_process';
  import { mkdirSync, readdirSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
  import path from 'node:path';
  import { SlipwayError } from '${root}/contract/errors.ts';
  import { DownloadDirectory } from '${root}/edge-updater/adapters/disk/download-directory.ts';
  import { EdgeDevice, bytesOf, never } from '${root}/test/fakes/edge-device.ts';
  const edge = new EdgeDevice();
  const disk = process.env.DEVICES;
  const publish = (version, counter, length = 3000) => edge.publish(version, counter, [
    { path: 'first', bytes: bytesOf(version, length) }, { path: 'bin', bytes: bytesOf('x' + version, 3000) }]);
  const offer = (...what) => { const made = publish(...what); edge.server.offered = made.manifest; return made.digest; };
  const codeOf = (error) => error.code ?? String(error);
  let files = 0;
  const fill = () => {
    for (let size = 65536; size >= 1; files++) {
      try { writeFileSync(disk + '/fill' + files, Buffer.alloc(size)); } catch { size = Math.floor(size / 2); }
    }
    for (;; files++) try { writeFileSync(disk + '/fill' + files, ''); } catch { return; }
  };
  const empty = () => { for (const name of readdirSync(disk)) if (name.startsWith('fill')) rmSync(disk + '/' + name); };
  const done = (value) => { console.log(JSON.stringify(value)); process.exit(0); };
  const old = offer('1.0.0', 1);
  let device = edge.start();
  await device.recover(never);
  await device.check(never);
`;

describeUnless(missingMounts, 'a disk without a free byte or inode', () => {
  it('from the start of a bad release on does not keep it up: the device goes back, and may try it again', () => {
    const script = `${prelude}
      const next = offer('2.0.0', 2);
      edge.service.sick.add(next);
      const { restart } = edge.service;
      edge.service.restart = async () => { await restart.call(edge.service); fill(); };
      const { attempt } = await device.check(never, 5).catch((error) => ({ attempt: { code: codeOf(error) } }));
      const after = edge.start();
      await after.recover(never, 5);
      done({
        outcome: attempt.outcome, code: attempt.code, runs: edge.service.running === old,
        link: edge.slots.currentLink === old, rejected: after.state.rejected, phase: after.state.update.phase,
      });`;
    expect(runOnTmpfs('size=32m,nr_inodes=400', script)).toEqual({
      ...{ outcome: 'rolled-back', code: 'disk-full', runs: true, link: true, rejected: [], phase: 'idle' },
    });
  });

  it('does not keep an operator from going back', () => {
    const script = `${prelude}
      offer('2.0.0', 2);
      await device.check(never);
      fill();
      device = edge.start();
      await device.recover(never, 5);
      const { outcome } = await device.rollBack(never, 5);
      done([outcome, edge.service.running === old, edge.slots.currentLink === old]);`;
    expect(runOnTmpfs('size=32m,nr_inodes=400', script)).toEqual(['rolled-back', true, true]);
  });

  it('in the middle of a download gets back what is not durable, and the download goes on later', () => {
    const script = `${prelude}
      offer('2.0.0', 2, 400000);
      const policy = { ...device.world.policy };
      policy.download = { ...policy.download, durableStepBytes: 100000 };
      Object.assign(device.world, { policy });
      const { openBlob } = edge.server;
      edge.server.openBlob = async (...asked) => {
        const answer = await openBlob(...asked);
        return { ...answer, body: (async function* () {
          let seen = 0;
          for await (const piece of answer.body) { yield piece; seen += piece.length; if (seen === 150000) fill(); }
        })() };
      };
      const { attempt } = await device.check(never);
      const downloads = edge.stateDirectory + '/downloads';
      const parts = readdirSync(downloads).filter((name) => name.endsWith('.part'));
      const durable = [...new DownloadDirectory(edge.stateDirectory).durable().values()].reduce((a, b) => a + b, 0);
      const kept = parts.reduce((sum, name) => sum + statSync(path.join(downloads, name)).size, 0);
      empty();
      edge.server.openBlob = openBlob;
      const again = await device.check(never, 5, 'person');
      done({ code: attempt.code, isCut: kept === durable && durable >= 100000, again: again.attempt.outcome,
        resumed: again.attempt.transfer.bytesOnWire < 400000 });`;
    expect(runOnTmpfs('size=32m,nr_inodes=400', script)).toEqual({
      ...{ code: 'disk-full', isCut: true, again: 'committed', resumed: true },
    });
  });
});

describeUnless(missingMounts, 'slots on a file system of their own', () => {
  const mount = (size: string) => `
      const slots = edge.stateDirectory + '/slots';
      rmSync(edge.stateDirectory, { recursive: true });
      mkdirSync(slots, { recursive: true });
      spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=${size}', 'tmpfs', slots], { stdio: ['ignore', 2, 2] });
      device = edge.start();
      await device.recover(never);`;

  it('are used for an update that fits there and would not fit beside the downloads', () => {
    const script = `${prelude}${mount('64m')}
      writeFileSync(disk + '/fill', Buffer.alloc(9 * 1024 * 1024));
      offer('2.0.0', 2, 5 * 1024 * 1024);
      const { attempt } = await device.check(never);
      done([attempt.outcome, attempt.code]);`;
    expect(runOnTmpfs('size=24m', script)).toEqual(['committed', null]);
  });

  it('refuse an update that does not fit there before a byte is moved', () => {
    const script = `${prelude}${mount('2m')}
      offer('2.0.0', 2, 5 * 1024 * 1024);
      const { attempt } = await device.check(never);
      done([attempt.code, attempt.transfer.bytesOnWire, attempt.message.includes('for slots,')]);`;
    expect(runOnTmpfs('size=64m', script)).toEqual(['disk-full', 0, true]);
  });
});

describeUnless(missingMounts, 'what an update leaves', () => {
  it('is deleted before the next check where deleting failed at first, slots and blobs each by itself', () => {
    const script = `${prelude}
      offer('2.0.0', 2);
      const { slots, downloads } = device.world;
      // A stand-in for EIO: tmpfs has no errors of its own.
      const { prune } = slots;
      slots.prune = () => { throw new SlipwayError('io-error', 'the test took the disk'); };
      await device.check(never);
      const without = readdirSync(edge.stateDirectory + '/downloads').length;
      const { clear } = downloads;
      slots.prune = prune;
      downloads.clear = () => { throw new SlipwayError('io-error', 'the test took the disk'); };
      edge.clock.advance(900);
      offer('3.0.0', 3);
      await device.check(never);
      const left = readdirSync(edge.stateDirectory + '/downloads').length;
      downloads.clear = clear;
      await device.check(never);
      done([without, left > 0, readdirSync(edge.stateDirectory + '/downloads').length, edge.slots.slots().size]);`;
    expect(runOnTmpfs('size=64m', script)).toEqual([0, true, 0, 2]);
  });
});
