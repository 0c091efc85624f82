/**
 * The recovery table with the facts of a box: from every journaled phase × hold × owner of the data × its copy × link ×
 * exchange, some starts end on a whole release, or the device is stranded and says so.
 */
import { cpSync, existsSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { JournalFile, readJournal } from '../../edge-updater/adapters/disk/journal-file.ts';
import type { DeviceState } from '../../edge-updater/update/state.ts';
import type { AdoptedBox } from '../fakes/adopted-box.ts';
import { patience, startOf, update } from '../fakes/box-start.ts';
import { type EdgeDevice, never } from '../fakes/edge-device.ts';
import { Interruption } from '../fakes/interruption.ts';
import { isLongRun, isWideRun } from '../sampling.ts';
import { allScenarios, prepareBox } from './updated-box.ts';

const phases = ['idle', 'staged', 'switching', 'probation', 'rolling-back'] as const;
const combinations = phases.flatMap((phase) =>
  [true, false].flatMap((isHeld) =>
    (['old', 'new', 'unknown'] as const).flatMap((owner) =>
      (['whole', 'damaged', 'absent'] as const).flatMap((copy) =>
        (['old', 'new'] as const).flatMap((link) =>
          [false, true].map((isHalfExchanged) => ({ phase, isHeld, owner, copy, link, isHalfExchanged })),
        ),
      ),
    ),
  ),
);
type Combination = (typeof combinations)[number];
/** All of them: `npm run test:long`. The steps have no factor in common with the numbers of facts. */
const step = isLongRun ? 1 : isWideRun ? 7 : 17;
const tried = combinations.filter((_, index) => index % step === 0);

/** A box whose new release has migrated its data and answers badly, cut off in its probation. */
async function prepared() {
  const found = await prepareBox(allScenarios[1]);
  const { edge, box } = found;
  const rewind = edge.capture();
  const probe = new Interruption(0, 'fails');
  await update(startOf(edge, box, probe));
  rewind();
  box.running = found.old;
  const at = probe.calls.indexOf('health.probe') + 1;
  await update(startOf(edge, box, new Interruption(at, 'killed before'))).catch(() => undefined);
  expect(readJournal(edge.stateDirectory)).toMatchObject({ state: { update: { phase: 'probation' } } });
  return { ...found, rewind: edge.capture() };
}

function arrange(edge: EdgeDevice, box: AdoptedBox, digests: Record<'old' | 'new', string>, facts: Combination): void {
  const content = readJournal(edge.stateDirectory);
  if (content.kind !== 'state' || content.state.update.phase === 'idle') throw new Error('no attempt');
  const { attempt } = content.state.update;
  const own = path.join(box.dataDir, 'slipway');
  const copy = path.join(own, 'snapshots', attempt.id);
  const failure = { code: 'health-timeout', message: 'not well' };
  const update = facts.phase === 'idle' ? { phase: 'idle' } : { phase: facts.phase, attempt, failure };
  const journal = new JournalFile(edge.stateDirectory);
  journal.append({ ...content.state, update } as DeviceState);
  journal.close();
  edge.slots.point({ current: digests[facts.link], previous: digests.old });
  if (facts.isHeld) box.data.hold('the test');
  else box.data.letGo();
  if (facts.owner === 'unknown') rmSync(path.join(own, 'owner.json'));
  else box.data.claim(digests[facts.owner]);
  // Who owns the data has written it.
  if (facts.owner === 'old') {
    rmSync(path.join(box.dataDir, 'server'), { recursive: true });
    cpSync(path.join(copy, 'server'), path.join(box.dataDir, 'server'), { recursive: true });
  }
  if (facts.isHalfExchanged) {
    writeFileSync(path.join(own, 'exchange.json'), JSON.stringify({ schemaVersion: 1, snapshot: attempt.id }));
    rmSync(path.join(own, 'aside'), { recursive: true, force: true });
    box.data.hold('the test');
    renameSync(path.join(box.dataDir, 'server/db'), path.join(box.dataDir, 'server/db.aside'));
    renameSync(path.join(copy, 'server/db'), path.join(box.dataDir, 'server/db'));
  }
  if (facts.copy === 'damaged') truncateSync(path.join(copy, 'snapshot.json'), 5);
  if (facts.copy === 'absent') rmSync(copy, { recursive: true });
}

describe('a box that is found', () => {
  it('in any phase with any facts ends on a whole release or is stranded', { timeout: 600_000 }, async () => {
    const { edge, box, old, next, rewind } = await prepared();
    using _ = edge;
    const ends = { whole: 0, stranded: 0, told: 0 };
    for (const facts of tried) {
      rewind();
      box.running = undefined;
      arrange(edge, box, { old, new: next }, facts);
      const what = JSON.stringify(facts);
      let device = startOf(edge, box);
      // As a daemon that starts again after each failure; two starts are enough for all of it.
      for (let start = 0; start < 2; start++) {
        device = startOf(edge, box);
        await device.recover(never, patience);
        if (device.state.update.phase === 'staged') await device.resume(never, patience);
      }
      expect(device.state.update.phase, what).toBe('idle');
      await device.check(never, patience);
      const { currentLink } = edge.slots;
      // A release runs only over data that it can read.
      const owner = await box.data.owner();
      const isOwned = owner === currentLink || (facts.owner === 'unknown' && owner === undefined);
      const isWhole = box.running === currentLink && isOwned && !box.data.isHeld;
      const check = edge.server.checks.at(-1);
      const told = check?.schemaVersion === 2 ? (check.troubles ?? []).map(({ code }) => code) : [];
      if (isWhole && device.state.stranded === undefined) ends.whole++;
      else if (device.state.stranded) {
        ends.stranded++;
        expect(told, what).toContain('stranded');
      } else {
        // The data is of a release that the link does not name, before any switch of the journal: no update leaves that.
        ends.told++;
        expect([facts.owner === 'old', facts.link], what).toEqual([false, 'old']);
        expect(told, what).toContain('service-not-running');
      }
    }
    // Each end is met: a table that only ever says one thing tells nothing.
    expect(
      Object.values(ends).every((count) => count > 0),
      JSON.stringify(ends),
    ).toBe(true);
  });
});

describe('a stranded box', () => {
  async function stranded() {
    const found = await prepared();
    const { edge, box, old, next } = found;
    arrange(
      edge,
      box,
      { old, new: next },
      { phase: 'probation', isHeld: false, owner: 'new', copy: 'damaged', link: 'new', isHalfExchanged: false },
    );
    const device = startOf(edge, box);
    await device.recover(never, patience);
    return { ...found, device };
  }

  it('is told once by a report and by each check, and keeps what is left of the copy', async () => {
    const { edge, device } = await stranded();
    using _ = edge;
    await device.check(never);
    expect(device.state.stranded).toMatchObject({ tries: 0, message: expect.stringContaining('data stays as it is') });
    expect(edge.server.checks.at(-1)).toMatchObject({
      troubles: [{ code: 'stranded' }, { code: 'service-not-running' }],
    });
    const reports = [...edge.server.reports.values()];
    expect(reports.filter(({ code }) => code === 'stranded')).toMatchObject([{ phase: 'idle', fault: 'device' }]);
    expect(reports.filter(({ outcome }) => outcome === 'rolled-back').length).toBe(1);
    await device.check(never);
    expect([...edge.server.reports.values()].filter(({ code }) => code === 'stranded').length).toBe(1);
  });

  it('is tried again, each time later', async () => {
    const { edge, device } = await stranded();
    using _ = edge;
    const tries: number[] = [];
    for (let hour = 0; hour < 40; hour++) {
      await device.check(never);
      tries.push(device.state.stranded?.tries ?? -1);
      await edge.clock.sleep(3600, never);
    }
    // 900 s, doubled at each try: the first ones within two hours, then fewer and fewer.
    expect(tries.at(2)).toBeGreaterThanOrEqual(2);
    expect(tries.at(-1)).toBeLessThanOrEqual(8);
  });

  it('is none any more when somebody has put its data right', async () => {
    const { edge, box, old, device } = await stranded();
    using _ = edge;
    rmSync(path.join(box.dataDir, 'server/db'), { recursive: true });
    await edge.clock.sleep(3600, never);
    await device.check(never);
    expect(device.state.stranded).toBeUndefined();
    expect(box.running).toBe(old);
  });

  it('is none any more when a newer release works', async () => {
    const { edge, box, next, device } = await stranded();
    using _ = edge;
    box.sick.delete(next);
    device.forgetRejections();
    await device.check(never, patience, 'person');
    expect(device.state.stranded).toBeUndefined();
    expect(device.state).toMatchObject({ current: { manifestSha256: next } });
    expect(box.running).toBe(next);
  });

  it('with data that is half exchanged is held, checks on, and takes no release', async () => {
    const { edge, box, old, next } = await prepared();
    using _ = edge;
    arrange(
      edge,
      box,
      { old, new: next },
      { phase: 'rolling-back', isHeld: true, owner: 'new', copy: 'damaged', link: 'new', isHalfExchanged: true },
    );
    const device = startOf(edge, box);
    await device.recover(never, patience);
    expect([box.running, box.data.isHeld, device.state.update.phase]).toEqual([undefined, true, 'idle']);
    device.forgetRejections();
    await device.check(never, patience, 'person');
    expect(device.state.held).toMatchObject([{ code: 'datastore-not-restorable' }]);
    // It ended before the switch: what was set aside is not cleared for a copy of the half.
    expect(device.state.lastAttempt).toMatchObject({ outcome: 'failed' });
    expect(existsSync(path.join(box.dataDir, 'server/db.aside'))).toBe(true);
    // The next process comes to the same.
    const again = startOf(edge, box);
    await again.recover(never, patience);
    expect(again.state.stranded?.since).toBe(device.state.stranded?.since);
    expect(readFileSync(path.join(box.dataDir, 'slipway/exchange.json'), 'utf8')).toContain('snapshot');
  });
});
