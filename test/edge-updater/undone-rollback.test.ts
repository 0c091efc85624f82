/** What `rollback --undo` brings back, and what it refuses; wherever its journal is found, the box ends whole. */
import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { JournalFile, readJournal } from '../../edge-updater/adapters/disk/journal-file.ts';
import type { DeviceState } from '../../edge-updater/update/state.ts';
import { newAttempt } from '../../edge-updater/update/step.ts';
import { patience, startOf, update } from '../fakes/box-start.ts';
import { never } from '../fakes/edge-device.ts';
import { isLongRun } from '../sampling.ts';
import { expectRowsOf, rolledBackByHand } from './undone-box.ts';
import { expectWholeBox, publishK3s } from './updated-box.ts';

describe('a rollback that an operator takes back', () => {
  it('ends on the release that was left, with its data, and may be made again with the data of meanwhile', async () => {
    const { edge, box, old, next, rows } = await rolledBackByHand();
    using _ = edge;
    const device = startOf(edge, box);
    expect(device.state.rejected.map(({ manifestSha256 }) => manifestSha256)).toEqual([next]);
    expect(await device.undoRollBack(never)).toMatchObject({ outcome: 'committed', version: '1.34.1+k3s1' });
    expect(device.state).toMatchObject({ current: { manifestSha256: next }, previous: { manifestSha256: old } });
    expect(device.state.rejected).toEqual([]);
    expect(device.state.setAside).toBeUndefined();
    await expectWholeBox(edge, box, device, { old: 'none', allowed: [next] }, 'undone');
    expectRowsOf(box, { old, next }, rows, 'undone');
    const again = box.dump();

    await device.rollBack(never);
    expectRowsOf(box, { old, next }, { ...rows, next: again }, 'back once more');
    await device.undoRollBack(never);
    expectRowsOf(box, { old, next }, { ...rows, next: again }, 'and forward once more');
    expect(box.running).toBe(next);
  });

  it('goes back by itself when the release is not healthy, and keeps its data aside', async () => {
    const { edge, box, old, next, rows } = await rolledBackByHand();
    using _ = edge;
    box.sick.add(next);
    const device = startOf(edge, box);
    expect(await device.undoRollBack(never)).toMatchObject({ outcome: 'rolled-back', code: 'health-timeout' });
    await expectWholeBox(edge, box, device, { old: 'none', allowed: [old] }, 'sick');
    expectRowsOf(box, { old, next }, rows, 'sick');
    expect(device.state.rejected.map(({ manifestSha256 }) => manifestSha256)).toEqual([next]);
    box.sick.delete(next);
    expect(await device.undoRollBack(never)).toMatchObject({ outcome: 'committed' });
    expect(box.writers().filter((writer) => writer === next).length).toBe(box.written.get(next));
  });

  it('is possible after a release that was left for its health', async () => {
    const { edge, box, old, next } = await rolledBackByHand();
    using _ = edge;
    box.sick.add(next);
    const device = startOf(edge, box);
    device.forgetRejections();
    await device.check(never, patience, 'person');
    expect([box.running, device.state.setAside?.release.manifestSha256]).toEqual([old, next]);
    box.sick.delete(next);
    expect(await device.undoRollBack(never)).toMatchObject({ outcome: 'committed' });
  });
});

describe('an undo', () => {
  it('is refused where no rollback was made since the last update', async () => {
    const { edge, box } = await rolledBackByHand();
    using _ = edge;
    const third = publishK3s(edge, '1.34.2+k3s1', 3);
    box.storage.set(third.digest, 2);
    edge.server.offered = third.manifest;
    const device = startOf(edge, box);
    await update(device);
    expect(box.running).toBe(third.digest);
    await expect(device.undoRollBack(never)).rejects.toMatchObject({ code: 'nothing-to-undo' });
    // What lay aside was in the way of nothing: it went before the copy was made.
    expect(existsSync(path.join(box.dataDir, 'slipway/aside'))).toBe(false);
  });

  it.each([
    ['no data lies aside', 'nothing-to-undo', (aside: string) => rmSync(aside, { recursive: true })],
    [
      'nothing says whose data lies aside',
      'nothing-to-undo',
      (aside: string) => rmSync(path.join(aside, 'aside.json')),
    ],
    [
      'the data aside is of another release',
      'aside-mismatched',
      (aside: string) => {
        const file = path.join(aside, 'aside.json');
        const record = JSON.parse(readFileSync(file, 'utf8'));
        writeFileSync(file, JSON.stringify({ ...record, release: 'f'.repeat(64) }));
      },
    ],
    ['the slot is gone', 'nothing-to-undo', (_: string, slot: string) => rmSync(slot, { recursive: true })],
    ['the slot is damaged', 'slot-damaged', (_: string, slot: string) => truncateSync(path.join(slot, 'bin/k3s'), 5)],
  ])('is refused where %s, and nothing has changed', async (_, code, change) => {
    const { edge, box, old, next, rows } = await rolledBackByHand();
    using __ = edge;
    change(path.join(box.dataDir, 'slipway/aside'), path.join(edge.stateDirectory, 'slots', next));
    const { starts } = box;
    const device = startOf(edge, box);
    await expect(device.undoRollBack(never)).rejects.toMatchObject({ code });
    expect([box.running, box.starts, device.state.update.phase]).toEqual([old, starts, 'idle']);
    expectRowsOf(box, { old, next }, rows, code);
  });

  it('of data that is damaged goes back: what is aside is opened before anything is exchanged', async () => {
    const { edge, box, old, next, rows } = await rolledBackByHand();
    using _ = edge;
    const database = path.join(box.dataDir, 'slipway/aside/server/db/state.db');
    rmSync(`${database}-wal`);
    writeFileSync(database, 'not a database'.repeat(1000));
    const device = startOf(edge, box);
    expect(await device.undoRollBack(never)).toMatchObject({ outcome: 'rolled-back', code: 'datastore-damaged' });
    await expectWholeBox(edge, box, device, { old: 'none', allowed: [old] }, 'damaged');
    expectRowsOf(box, { old, next }, rows, 'damaged');
  });

  it('that a full disk is asked for an update makes room: the slot that was kept goes', async () => {
    const { edge, box, next } = await rolledBackByHand();
    using _ = edge;
    const third = publishK3s(edge, '1.34.2+k3s1', 3);
    edge.server.offered = third.manifest;
    const device = startOf(edge, box);
    const { room } = device.world.disk;
    device.world.disk.room = (folder) => ({ ...room.call(device.world.disk, folder), freeBytes: 0 });
    await device.check(never, patience);
    expect(device.state).toMatchObject({ held: [{ code: 'disk-full' }] });
    expect([device.state.setAside, edge.slots.has(next)]).toEqual([undefined, false]);
  });
});

const phases = ['staged', 'switching', 'probation', 'rolling-back'] as const;
/** Nothing is exchanged and no link is moved before the switch. */
const combinations = phases
  .flatMap((phase) =>
    [true, false].flatMap((isHeld) =>
      (['old', 'next'] as const).flatMap((owner) =>
        (['old', 'next'] as const).flatMap((link) =>
          [true, false].map((isBeforeStart) => ({ phase, isHeld, owner, link, isBeforeStart })),
        ),
      ),
    ),
  )
  .filter(({ phase, owner, link }) => phase !== 'staged' || (owner === 'old' && link === 'old'));

/** All of them: `npm run test:long`. The step has no factor in common with the numbers of facts. */
const tried = combinations.filter((_, index) => isLongRun || index % 3 === 0);

it('that is found in any phase with any facts ends on a whole release over its own data', async () => {
  const { edge, box, old, next, rows } = await rolledBackByHand();
  using _ = edge;
  const before = startOf(edge, box);
  const { setAside } = before.state;
  const rewind = edge.capture();
  for (const facts of tried) {
    rewind();
    box.running = undefined;
    const what = JSON.stringify(facts);
    const content = readJournal(edge.stateDirectory);
    if (content.kind !== 'state' || !setAside) throw new Error('no state');
    const attempt = newAttempt('undo', { kind: 'undo' }, setAside.release, setAside.at);
    const journal = new JournalFile(edge.stateDirectory);
    const failure = { code: 'health-timeout', message: 'not well' };
    journal.append({ ...content.state, update: { phase: facts.phase, attempt, failure } } as DeviceState);
    journal.close();
    if (facts.owner === 'next') await box.data.bringBack({ attempt: 'undo', from: old, to: next }, setAside.at);
    edge.slots.point({ current: facts.link === 'next' ? next : old, previous: old });
    if (facts.isHeld) box.data.hold('the test');
    else box.data.letGo();

    if (facts.isBeforeStart) {
      await startOf(edge, box).recoverBeforeStart();
      await box.restart();
    }
    let device = startOf(edge, box);
    await device.recover(never, patience);
    device = startOf(edge, box);
    await device.recover(never, patience);
    await expectWholeBox(edge, box, device, { old: 'none', allowed: [old, next] }, what);
    // A link that moved without its data is no state that an update leaves: there the release goes over what is there.
    if (facts.link === facts.owner || facts.link === 'old') expectRowsOf(box, { old, next }, rows, what);
  }
});
