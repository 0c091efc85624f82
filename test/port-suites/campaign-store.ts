/** What every database of the fleet must do with campaigns: checks, offers, transitions and counts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { devicePhases } from '../../contract/device-api/check.ts';
import { updateOutcomes } from '../../contract/device-api/report.ts';
import type { FleetState } from '../../distributor/fleet/ports.ts';
import { committedAt } from '../../distributor/rollout/campaign.ts';
import { openWaveOf } from '../../distributor/rollout/cohort.ts';
import type { Finding } from '../../distributor/rollout/deciding/findings.ts';
import type { Decision } from '../../distributor/rollout/decision.ts';
import {
  markOf,
  noCounts,
  notAskedOf,
  standingOf,
  standings,
  type WaveCounts,
} from '../../distributor/rollout/standing.ts';
import {
  anyReport,
  arrival,
  counting,
  enrolAll,
  finding,
  idle,
  key,
  nothing,
  offer,
  openWave,
  report,
} from '../fakes/fleet-facts.ts';

type Slice = { -readonly [K in keyof WaveCounts]: WaveCounts[K] };

/** @param open a state over a new, empty database for each call */
export function campaignStoreSuite(name: string, open: () => Promise<FleetState>): void {
  describe(`the campaigns of a fleet in ${name}`, () => {
    it('opens a wave once, however often it is decided at the same time, and tells it once', async () => {
      const state = await open();
      const open3 = [1, 2, 3].map((at) => state.applyTransition(key, openWave(0), at, 'rollouts'));
      expect((await Promise.all(open3)).filter((done) => done)).toHaveLength(1);
      expect(await state.applyTransition(key, openWave(0), 99, 'rollouts')).toBe(false);
      expect((await state.loadCampaigns())[0]?.openedWaves).toHaveLength(1);
      expect((await state.listEvents(0, 9)).map(({ kind, rollout }) => [kind, rollout])).toEqual([
        ['wave-opened', 'r'],
      ]);
      expect(await state.lastEventId()).toBe((await state.listEvents(0, 9))[0]?.id);
      await state.close();
    });

    it('lets nothing follow an abort but a person who takes it back', async () => {
      const state = await open();
      await state.applyTransition(key, openWave(0), 1, 'rollouts');
      expect(await state.applyTransition(key, { kind: 'abort', reason: 'evidence' }, 2, 'token 1')).toBe(true);
      for (const kind of ['resume', 'pause', 'complete', 'reopen', 'retry', 'abort'] as const) {
        expect(await state.applyTransition(key, { kind, reason: 'late' }, 3, 'token 1')).toBe(false);
      }
      expect(await state.loadCampaigns()).toMatchObject([{ status: 'aborted', reason: 'evidence', changedAt: 2 }]);
      expect(await state.applyTransition(key, { kind: 'lift-abort', reason: 'by hand' }, 4, 'token 1')).toBe(true);
      expect(await state.loadCampaigns()).toMatchObject([
        { status: 'active', reason: 'by hand', judgedFrom: 4, openedWaves: [{ closedAt: undefined }] },
      ]);
      expect((await state.listEvents(0, 9)).at(-1)).toMatchObject({ kind: 'reopened', reason: 'by hand' });
      await state.close();
    });

    it('records a check and its offer, and gives both to the next one', async () => {
      const state = await open();
      await enrolAll(state, 'a');
      await state.applyTransition(key, openWave(0), 1, 'rollouts');
      const check = { ...idle, labels: { site: 'x' }, rejected: ['4'.repeat(64)] };
      const vouched = { site: 'x', cluster: undefined, role: 'agent' } as const;
      const first = arrival('a', 10, { check, site: 'x', vouched });
      const decision = await state.answerCheck(first, ({ device, attempts, campaign }) => {
        expect([device.lastSeenAt, attempts, campaign(key.rollout, key.version)?.status]).toEqual([
          undefined,
          [],
          'active',
        ]);
        return offer();
      });
      expect(decision.kind).toBe('update');
      const attempt = { ...key, offeredVersion: key.version, offeredAt: 10, place: 0.5, generation: 0, lastSeenAt: 10 };
      const device = { labels: { site: 'x' }, site: 'x', role: 'agent', lastSeenAt: 10, rejected: check.rejected };
      await state.answerCheck({ ...first, at: 20 }, (facts) => {
        expect(facts).toMatchObject({ device, attempts: [attempt] });
        return offer({ release: { ...offer().release, version: '1.5.0' } });
      });
      expect(await state.attemptsOf('a')).toMatchObject([
        { ...attempt, offeredVersion: '1.5.0', offeredAt: 20, lastSeenAt: 20 },
      ]);
      expect((await state.readFacts(first))?.device).toMatchObject({ ...device, lastSeenAt: 20 });
      expect(await state.readFacts(arrival('unknown', 1))).toBeUndefined();
      await state.close();
    });

    it('fails the one check whose judge throws, and records nothing of it', async () => {
      const state = await open();
      await enrolAll(state, 'a', 'b', 'c');
      const answers = await Promise.allSettled([
        state.answerCheck(arrival('a', 5), () => nothing),
        state.answerCheck(arrival('b', 5), () => {
          throw new RangeError('a defect');
        }),
        state.answerCheck(arrival('unknown', 5), () => nothing),
        state.answerCheck(arrival('c', 5), () => nothing),
      ]);
      expect(answers.map((answer) => (answer.status === 'fulfilled' ? 'answered' : answer.reason.name))).toEqual([
        ...['answered', 'RangeError', 'SlipwayError', 'answered'],
      ]);
      expect((await state.listDevices({ limit: 9 })).map(({ lastSeenAt }) => lastSeenAt)).toEqual([5, undefined, 5]);
      await state.close();
    });

    it('shows a pause that was acknowledged to the next check', async () => {
      const state = await open();
      await enrolAll(state, 'a');
      await state.applyTransition(key, openWave(0), 1, 'rollouts');
      for (const kind of ['pause', 'resume', 'abort'] as const) {
        await state.applyTransition(key, { kind, reason: kind }, 2, 'token 1');
        await state.answerCheck(arrival('a', 3), ({ campaign }) => {
          expect(campaign(key.rollout, key.version)?.reason).toBe(kind);
          return nothing;
        });
      }
      await state.close();
    });

    it('never offers two servers of one cluster at once', async () => {
      const state = await open();
      const ids = Array.from({ length: 12 }, (_, i) => `gate-${i}`);
      await enrolAll(state, ...ids);
      const question = { cluster: 'one', site: 's', wantsPeers: true };
      await Promise.all(ids.map((id) => state.answerCheck(arrival(id, 5, question), () => nothing)));
      const answers = await Promise.all(
        ids.map((id) =>
          state.answerCheck(arrival(id, 6, question), ({ peers }) => {
            expect(peers).toHaveLength(11);
            return peers.some(({ isUpdating }) => isUpdating) ? nothing : offer();
          }),
        ),
      );
      expect(answers.filter(({ kind }) => kind === 'update')).toHaveLength(1);
      await state.close();
    });

    it('forgets how the last try ended when a device is asked to try again, and counts it anew', async () => {
      const state = await open();
      await enrolAll(state, 'a');
      await state.applyTransition(key, openWave(0), 1, 'rollouts');
      await state.answerCheck(arrival('a', 5), () => offer());
      const failed = report(3, { phase: 'rolled-back', outcome: 'rolled-back', code: 'health-timeout' });
      await state.storeReports('a', [failed], anyReport, 6);
      expect(await state.attemptsOf('a')).toMatchObject([{ outcome: 'rolled-back', code: 'health-timeout' }]);
      expect(await state.applyTransition(key, { kind: 'retry', reason: 'fixed' }, 7, 'token 1')).toBe(true);
      await state.answerCheck(arrival('a', 8), () => offer({ generation: 1, isRetry: true }));
      const [attempt] = await state.attemptsOf('a');
      expect(attempt).toMatchObject({ generation: 1, outcome: undefined, code: undefined, phase: undefined });
      // What is older than the retry does not count against it.
      await state.storeReports('a', [report(2, { outcome: 'failed' })], anyReport, 9);
      expect((await state.countWaves(key, counting([1], 10, 60)))[0]).toEqual({ ...noCounts, members: 1, pending: 1 });
      await state.answerCheck(arrival('a', 11), () => ({
        ...{ kind: 'revert', reason: 'revert-on-abort', rollout: offer().rollout, goal: offer().goal, facts: {} },
      }));
      expect(await state.attemptsOf('a')).toMatchObject([{ revertedAt: 11 }]);
      await state.close();
    });

    it('takes a success back when the device falls back later', async () => {
      const state = await open();
      await enrolAll(state, 'a');
      await state.answerCheck(arrival('a', 5), () => offer());
      await state.storeReports('a', [report(1, { outcome: 'committed' })], anyReport, 6);
      expect(await state.countWaves(key, counting([1], 7, 60))).toMatchObject([{ committed: 1, failed: 0 }]);
      const late = [report(2, { outcome: 'rolled-back', code: 'health-lost' })];
      expect(await state.storeReports('a', late, anyReport, 8)).toMatchObject({ fellBack: [key], failed: [key] });
      expect(await state.storeReports('a', late, anyReport, 8)).toMatchObject({ fellBack: [], failed: [] });
      const again = [report(3, { outcome: 'rolled-back', code: 'health-timeout' })];
      expect(await state.storeReports('a', again, anyReport, 8)).toMatchObject({ fellBack: [], failed: [] });
      expect(await state.countWaves(key, counting([1], 9, 60))).toMatchObject([{ committed: 0, failed: 1 }]);
      await state.close();
    });

    it('counts nobody who was not offered the release, and makes no rows for what they report', async () => {
      const state = await open();
      await enrolAll(state, 'a', 'b', 'c');
      await state.applyTransition(key, openWave(0, 1, 3), 1, 'rollouts');
      await state.answerCheck(arrival('c', 5), () => offer());
      const failed = report(1, { phase: 'rolled-back', outcome: 'rolled-back', code: 'health-lost' });
      const madeUp = Array.from({ length: 50 }, (_, i) => report(i + 2, { version: `9.0.${i}`, outcome: 'failed' }));
      const stored = await state.storeReports('a', [failed, ...madeUp], anyReport, 6);
      expect(stored).toMatchObject({ acknowledgedThrough: 51, fellBack: [], failed: [] });
      // A rule that says the report is not for the device.
      await state.storeReports('c', [failed], () => undefined, 6);
      expect(await state.attemptsOf('a')).toEqual([]);
      const [counts] = await state.countWaves(key, counting([1], 7, 60));
      expect(counts).toEqual({ ...noCounts, members: 3, pending: 1 });
      expect(await state.loadCampaigns()).toHaveLength(1);
      await state.close();
    });

    it('charges a budget no more than the release can cost', async () => {
      const state = await open();
      await enrolAll(state, 'a');
      const budgets = [{ ...key, perSeconds: 3600 }];
      const at = 10_000_000;
      await state.applyTransition(key, openWave(0), 1, 'rollouts');
      await state.answerCheck(arrival('a', at, { budgets }), () => offer());
      const transfer = { bytesOnWire: 11e9, fullBytes: 9000, resumedFrom: 0 };
      await state.storeReports('a', [report(1, { outcome: 'committed', transfer })], () => ({ maxBytes: 9500 }), at);
      const facts = await state.readFacts(arrival('a', at, { budgets }));
      expect(facts?.spending(key)).toEqual({ bytes: 9500, reserved: 0, meanBytes: 9500 });
      expect(await state.attemptsOf('a')).toMatchObject([{ bytesOnWire: 9500 }]);
      await state.close();
    });

    it('tells whose fault an outcome is, and lets a held device try again', async () => {
      const state = await open();
      await enrolAll(state, 'a', 'b');
      await state.applyTransition(key, openWave(0, 1, 2), 1, 'rollouts');
      for (const id of ['a', 'b']) await state.answerCheck(arrival(id, 5), () => offer());
      const ended = (sequence: number, code: string, more = {}) =>
        report(sequence, { phase: 'idle', outcome: 'failed', code, ...more });
      const counts = async () => (await state.countWaves(key, counting([1], 20, 60)))[0];
      await state.storeReports('a', [ended(1, 'server-refused')], anyReport, 6);
      await state.storeReports('b', [ended(1, 'disk-full', { fault: 'release' })], anyReport, 6);
      expect(await counts()).toMatchObject({ failed: 0, heldByPath: 1, heldByDevice: 1 });
      expect(await state.countHolds(key, 0)).toEqual([
        { fault: 'device', code: 'disk-full', devices: 1 },
        { fault: 'path', code: 'server-refused', devices: 1 },
      ]);
      expect(await state.attemptsOf('a')).toMatchObject([{ outcome: 'failed', fault: 'path', settledAt: 6 }]);
      // An offer alone does not say that anything is better; a device that works on it does.
      await state.answerCheck(arrival('a', 8), () => offer());
      expect(await counts()).toMatchObject({ heldByPath: 1 });
      await state.storeReports('a', [report(2, { phase: 'downloading' })], anyReport, 9);
      expect(await counts()).toMatchObject({ heldByPath: 0, pending: 1, working: 1 });
      await state.storeReports('a', [report(3, { phase: 'committed', outcome: 'committed' })], anyReport, 10);
      expect(await counts()).toMatchObject({ committed: 1, heldByDevice: 1 });
      // A code from a newer device counts as that one says.
      await state.storeReports('b', [ended(2, 'from-the-future', { fault: 'path' })], anyReport, 11);
      expect(await state.countHolds(key, 0)).toEqual([{ fault: 'path', code: 'from-the-future', devices: 1 }]);
      expect(await state.countHolds(key, 11)).toEqual([]);
      await state.close();
    });

    it('counts a device that is found running the release once, as long as it does', async () => {
      const state = await open();
      await enrolAll(state, 'a', 'b');
      await state.applyTransition(key, openWave(0, 1, 2), 1, 'rollouts');
      const check = (id: string, at: number, ...found: Finding[]) =>
        state.answerCheck(
          arrival(id, at),
          () => nothing,
          () => found,
        );
      const counts = async () => (await state.countWaves(key, counting([1], 100_000, 60)))[0];
      const none = { ...noCounts, members: 2 };
      await check('a', 5, finding());
      await Promise.all([6, 7, 8].map((at) => check('a', at, finding())));
      expect(await counts()).toEqual({ ...none, committed: 1, soaked: 1 });
      expect(await state.attemptsOf('a')).toMatchObject([
        { offeredAt: undefined, foundAt: 5, outcome: undefined, place: 0.5, offeredVersion: key.version },
      ]);

      // A report that comes late is about the same device.
      await check('b', 8, finding());
      await state.storeReports('b', [report(1, { outcome: 'committed' })], anyReport, 9);
      expect(await counts()).toEqual({ ...none, committed: 2, soaked: 2 });
      await check('b', 10, { ...key, kind: 'fell-back' });
      expect(await counts()).toEqual({ ...none, committed: 1, soaked: 1, failed: 1 });

      await check('a', 11, { ...key, kind: 'left' });
      expect(await counts()).toEqual({ ...none, failed: 1, unreachable: 1 });
      await check('a', 12, finding());
      await check('a', 13, { ...key, kind: 'fell-back' });
      expect(await counts()).toEqual({ ...none, failed: 2 });
      await state.close();
    });

    it('takes what it found back with an offer, and a failure with what it finds after a retry', async () => {
      const state = await open();
      await enrolAll(state, 'a');
      await state.applyTransition(key, openWave(0), 1, 'rollouts');
      const counts = async () => (await state.countWaves(key, counting([1], 20, 60)))[0];
      const check = (at: number, found: Finding, decision: Decision = nothing) =>
        state.answerCheck(
          arrival('a', at),
          () => decision,
          () => [found],
        );
      await check(5, finding());
      await check(6, { ...key, kind: 'left' }, offer());
      expect(await counts()).toMatchObject({ committed: 0, pending: 1 });
      await state.storeReports('a', [report(1, { outcome: 'rolled-back' })], anyReport, 7);
      expect(await counts()).toMatchObject({ failed: 1, pending: 0 });
      await check(8, finding({ generation: 1, isRetry: true }));
      expect(await counts()).toMatchObject({ committed: 1, failed: 0 });
      expect(await state.attemptsOf('a')).toMatchObject([{ generation: 1, foundAt: 8, outcome: undefined }]);
      await state.storeReports('a', [report(2, { outcome: 'rolled-back' })], anyReport, 9);
      expect(await counts()).toMatchObject({ committed: 0, failed: 1 });
      await check(10, { ...key, kind: 'left' }, offer({ generation: 2, isRetry: true }));
      expect(await counts()).toMatchObject({ committed: 0, failed: 0, pending: 1 });
      await state.close();
    });

    it('takes no device that was found running its release for one that updates', async () => {
      const state = await open();
      await enrolAll(state, 'a', 'b');
      const question = { cluster: 'one', wantsPeers: true };
      await state.answerCheck(arrival('a', 5, question), () => offer());
      const peers = async () => (await state.readFacts(arrival('b', 7, question)))?.peers;
      expect(await peers()).toMatchObject([{ id: 'a', isUpdating: true }]);
      await state.answerCheck(
        arrival('a', 6, question),
        () => nothing,
        () => [finding()],
      );
      expect(await peers()).toMatchObject([{ id: 'a', isUpdating: false }]);
      await state.close();
    });

    it('adds up what a budget has spent and reserved', async () => {
      const state = await open();
      await enrolAll(state, 'a', 'b');
      const budgets = [{ ...key, perSeconds: 3600 }];
      const spending = async (at: number) => (await state.readFacts(arrival('a', at, { budgets })))?.spending(key);
      const at = 10_000_000;
      await state.applyTransition(key, openWave(0), 1, 'rollouts');
      for (const id of ['a', 'b']) await state.answerCheck(arrival(id, at, { budgets }), () => offer());
      expect(await spending(at)).toEqual({ bytes: 0, reserved: 2, meanBytes: undefined });
      const transfer = (bytesOnWire: number) => ({ transfer: { bytesOnWire, fullBytes: 9000, resumedFrom: 0 } });
      await state.storeReports('a', [report(1, { phase: 'downloading', ...transfer(100) })], anyReport, at);
      expect(await spending(at)).toEqual({ bytes: 100, reserved: 2, meanBytes: undefined });
      await state.storeReports('a', [report(2, { outcome: 'committed', ...transfer(300) })], anyReport, at);
      expect(await spending(at)).toEqual({ bytes: 300, reserved: 1, meanBytes: 300 });
      expect(await spending(at + 2 * 3_600_000)).toEqual({ bytes: 0, reserved: 0, meanBytes: 300 });
      await state.forgetDevice('b');
      expect(await spending(at)).toEqual({ bytes: 300, reserved: 0, meanBytes: 300 });
      await state.close();
    });

    it('has every device in one column whatever happened to it, and the columns add up', async () => {
      const state = await open();
      const act = fc.oneof(
        fc.record({ kind: fc.constant('offer' as const), isRetry: fc.boolean() }),
        fc.record({
          kind: fc.constant('report' as const),
          phase: fc.constantFrom(...devicePhases),
          outcome: fc.option(fc.constantFrom(...updateOutcomes), { nil: undefined }),
          code: fc.constantFrom('health-lost', 'disk-full', 'server-refused', 'reverted-by-permit', undefined),
        }),
        fc.record({ kind: fc.constantFrom('runs' as const, 'left' as const, 'fell-back' as const) }),
        fc.record({ kind: fc.constant('revert' as const) }),
      );
      const history = fc.array(fc.record({ device: fc.nat(3), act, after: fc.nat(20_000) }), { maxLength: 14 });
      let run = 0;
      await fc.assert(
        fc.asyncProperty(history, async (acts) => {
          const rollout = `h${run++}`;
          const ids = [0, 1, 2, 3].map((i) => `${rollout}-${i}`);
          await enrolAll(state, ...ids);
          await state.applyTransition({ ...key, rollout }, openWave(0, 1, ids.length), 1, 'rollouts');
          let [now, sequence] = [100_000, 0];
          const decided = { rollout: { ...offer().rollout, name: rollout } };
          for (const { device, act: one, after } of acts) {
            now += after;
            const id = ids[device] ?? '';
            if (one.kind === 'report') {
              const { phase, outcome, code } = one;
              const said = { phase, ...(outcome ? { outcome, ...(code ? { code } : {}) } : {}) };
              await state.storeReports(id, [report(++sequence, { rollout, ...said })], anyReport, now);
            } else if (one.kind === 'offer') {
              await state.answerCheck(arrival(id, now), () => offer({ ...decided, isRetry: one.isRetry }));
            } else if (one.kind === 'revert') {
              const { goal } = offer();
              const back = { kind: 'revert', reason: 'revert-on-abort', ...decided, goal, facts: {} } as const;
              await state.answerCheck(arrival(id, now), () => back);
            } else {
              const found: Finding = one.kind === 'runs' ? finding({ rollout }) : { ...key, rollout, kind: one.kind };
              await state.answerCheck(
                arrival(id, now),
                () => nothing,
                () => [found],
              );
            }
            const [counts = noCounts] = await state.countWaves({ ...key, rollout }, counting([1], now, 10));
            const columns = standings.reduce((sum, column) => sum + counts[column], 0);
            expect(columns + notAskedOf(counts)).toBe(ids.length);
            expect(counts.soaked + counts.forgiven + counts.working + counts.lost).toBeLessThanOrEqual(columns);
            const held = (await state.countHolds({ ...key, rollout }, 0)).reduce(
              (sum, { devices }) => sum + devices,
              0,
            );
            expect(held).toBe(counts.heldByDevice + counts.heldByPath);
          }
        }),
        { numRuns: 30 },
      );
      await state.close();
    });

    it('counts in the database as standingOf does one by one', async () => {
      const state = await open();
      const bounds = [0.25, 0.5, 1];
      const timeoutSeconds = 10;
      let run = 0;
      const device = fc.record({
        place: fc.constantFrom(0, 0.1, 0.25, 0.4, 0.5, 0.9),
        offeredAt: fc.constantFrom(10_000, 20_000, 30_000),
        seenAt: fc.constantFrom(10_000, 20_000, 30_000, 40_000),
        phase: fc.option(fc.constantFrom(...devicePhases), { nil: undefined }),
        outcome: fc.option(fc.constantFrom(...updateOutcomes), { nil: undefined }),
        code: fc.constantFrom('health-lost', 'disk-full', 'server-refused', 'reverted-by-permit', undefined),
        reportedAt: fc.constantFrom(5_000, 22_000, 31_000),
        isFound: fc.boolean(),
      });
      const days = 3 * 86_400_000;
      const now = fc.constantFrom(25_000, 30_000, 35_000, 40_000, 50_000, days + 20_000, days + 40_000);
      const judgedFrom = fc.constantFrom(undefined, 21_000);
      // All enrol at 1: some waves opened before that.
      const openedAts = fc.constantFrom([1, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 0]);
      const soakSeconds = [0, 9, 20];
      await fc.assert(
        fc.asyncProperty(
          fc.array(device, { minLength: 1, maxLength: 6 }),
          now,
          judgedFrom,
          openedAts,
          async (devices, time, from, openedAt) => {
            const name = `r${run++}`;
            const ids = devices.map((_, i) => `${name}-${i}`);
            await enrolAll(state, ...ids);
            const expected = bounds.map((): Slice => ({ ...noCounts }));
            const waves = bounds.map((upTo, index) => {
              return { upTo, openedAt: openedAt[index] ?? 0, soakSeconds: soakSeconds[index] ?? 0 };
            });
            const opened = waves.map((wave) => ({ ...wave, name: 'w', closedAt: undefined, members: 0 }));
            const waveOf = (place: number) => openWaveOf(place, 1, opened) ?? -1;
            for (const [i, one] of devices.entries()) {
              const { place, offeredAt, seenAt, phase, outcome, code, reportedAt, isFound } = one;
              const id = ids[i] ?? '';
              const decision = offer({ place, rollout: { ...offer().rollout, name } });
              await state.answerCheck(arrival(id, offeredAt), () => decision);
              const said = { rollout: name, ...(outcome === undefined ? {} : { outcome, ...(code ? { code } : {}) }) };
              if (phase !== undefined)
                await state.storeReports(id, [report(1, { phase, ...said })], anyReport, reportedAt);
              const found = isFound ? [finding({ place, rollout: name })] : [];
              await state.answerCheck(
                arrival(id, seenAt),
                () => nothing,
                () => found,
              );
              const [attempt] = await state.attemptsOf(id);
              if (!attempt) throw new Error('expected an attempt');
              const index = waveOf(place);
              const slice = expected[index];
              if (!slice) throw new Error('expected a wave');
              const standing = standingOf(attempt, time, timeoutSeconds);
              const rules = { soakSeconds: soakSeconds[index] ?? 0, judgedFrom: from, now: time };
              const mark = markOf(attempt, standing, rules);
              slice[standing] += 1;
              if (mark) slice[mark] += 1;
              if (standing !== 'committed' || mark) continue;
              const soakedAt = (committedAt(attempt) ?? 0) + rules.soakSeconds * 1000;
              slice.nextSoakedAt = Math.min(slice.nextSoakedAt ?? soakedAt, soakedAt);
            }
            const question = { waves, judgedFrom: from, deviceTimeoutSeconds: timeoutSeconds, now: time };
            expect(await state.countWaves({ ...key, rollout: name }, question)).toEqual(expected);
            // Every device is in one column.
            for (const slice of expected)
              expect(standings.reduce((sum, column) => sum + slice[column], 0)).toBe(
                devices.filter(({ place }) => expected[waveOf(place)] === slice).length,
              );
          },
        ),
        { numRuns: 40 },
      );
      await state.close();
    });
  });
}
