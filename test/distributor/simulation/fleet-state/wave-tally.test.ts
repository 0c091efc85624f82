/**
 * Counts that change with each attempt and with time, held to a count from the beginning after each step of histories
 * that chance makes up.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { updateOutcomes } from '../../../../contract/device-api/report.ts';
import { committedAt } from '../../../../distributor/rollout/campaign.ts';
import { openWaveOf } from '../../../../distributor/rollout/cohort.ts';
import { markOf, noCounts, standingOf, type WaveCounts } from '../../../../distributor/rollout/standing.ts';
import { type FleetInMemory, fleetInMemory } from '../../../../distributor/simulation/fleet-state/fleet-state.ts';
import {
  anyReport,
  arrival,
  enrolAll,
  finding,
  key,
  nothing,
  offer,
  openWave,
  report,
} from '../../../fakes/fleet-facts.ts';

const places = [0, 0.1, 0.3, 0.7];
const ids = places.map((_, index) => `gate-${index}`);
/** One of each kind of standing that time alone changes. */
const phases = ['staged', 'downloading', 'probation', 'idle', 'rolled-back'] as const;
const waves = [
  { upTo: 0.25, openedAt: 1, soakSeconds: 5 },
  { upTo: 0.5, openedAt: 1, soakSeconds: 12 },
  { upTo: 1, openedAt: 1, soakSeconds: 0 },
];
const deviceTimeoutSeconds = 10;
const dayMs = 86_400_000;

const act = fc.oneof(
  fc.record({ kind: fc.constant('offer' as const), isRetry: fc.boolean() }),
  fc.record({
    kind: fc.constant('report' as const),
    phase: fc.constantFrom(...phases),
    outcome: fc.option(fc.constantFrom(...updateOutcomes), { nil: undefined, freq: 1 }),
    code: fc.constantFrom('health-lost', 'disk-full', 'server-refused', 'reverted-by-permit'),
  }),
  fc.record({ kind: fc.constantFrom('runs' as const, 'left' as const, 'fell-back' as const, 'asks' as const) }),
);
const step = fc.record({
  device: fc.nat(ids.length - 1),
  act,
  after: fc.constantFrom(0, 1, 999, 4000, 10_000, 13_000, 4 * dayMs),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

it('counts after each step as a count from the beginning does, and says when time alone changes it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 15, maxLength: 30 }), async (steps) => {
      const fleet = fleetInMemory();
      await enrolAll(fleet, ...ids);
      await fleet.applyTransition(key, openWave(0), 1, 'rollouts');
      let [now, sequence] = [100_000, 0];
      for (const one of steps) {
        const changesAt = fleet.countsChangeAt(key);
        now += one.after;
        if (changesAt > now) expect(countedFromTheBeginning(fleet, now)).toEqual(countsAt(fleet, now));
        await take(fleet, one, now, ++sequence);
        expect(countsAt(fleet, now)).toEqual(countedFromTheBeginning(fleet, now));
        await expectToChangeWhenItSays(fleet, now);
      }
    }),
    { numRuns: 300 },
  );
});

function countsAt(fleet: FleetInMemory, now: number): WaveCounts[] {
  return fleet.countNow(key, { waves, judgedFrom: undefined, deviceTimeoutSeconds, now }).map((slice) => ({
    ...slice,
    members: 0,
  }));
}

function countedFromTheBeginning(fleet: FleetInMemory, now: number): WaveCounts[] {
  const counts = waves.map((): { -readonly [K in keyof WaveCounts]: WaveCounts[K] } => ({ ...noCounts }));
  const opened = waves.map((wave) => ({ ...wave, name: 'w', closedAt: undefined, members: 0 }));
  for (const id of ids) {
    const attempt = fleet.attemptOf(id, key);
    const index = attempt ? (openWaveOf(attempt.place, 1, opened) ?? -1) : -1;
    const [slice, soakSeconds] = [counts[index], waves[index]?.soakSeconds ?? 0];
    if (!attempt || !slice) continue;
    const standing = standingOf(attempt, now, deviceTimeoutSeconds);
    const mark = markOf(attempt, standing, { soakSeconds, judgedFrom: undefined, now });
    slice[standing]++;
    if (mark) slice[mark]++;
    if (standing !== 'committed' || mark) continue;
    const soakedAt = (committedAt(attempt) ?? 0) + soakSeconds * 1000;
    slice.nextSoakedAt = Math.min(slice.nextSoakedAt ?? soakedAt, soakedAt);
  }
  return counts;
}

/** Nothing changes a moment before, and something does then. */
async function expectToChangeWhenItSays(fleet: FleetInMemory, now: number): Promise<void> {
  const at = fleet.countsChangeAt(key);
  const before = countedFromTheBeginning(fleet, now);
  if (at === Number.POSITIVE_INFINITY) {
    expect(countedFromTheBeginning(fleet, now + 30 * dayMs)).toEqual(before);
    return;
  }
  expect(countedFromTheBeginning(fleet, at - 1)).toEqual(before);
  expect(countedFromTheBeginning(fleet, at)).not.toEqual(before);
}

async function take(fleet: FleetInMemory, { device, act: one }: Step, now: number, sequence: number): Promise<void> {
  const [id = '', place = 0] = [ids[device], places[device]];
  if (one.kind === 'report') {
    const { phase, outcome, code } = one;
    const said = outcome === undefined ? {} : outcome === 'committed' ? { outcome } : { outcome, code };
    await fleet.storeReports(id, [report(sequence, { phase, ...said })], anyReport, now);
    return;
  }
  const found = one.kind === 'runs' ? [finding({ place })] : [];
  const lost = one.kind === 'left' || one.kind === 'fell-back' ? [{ ...key, kind: one.kind }] : [];
  await fleet.answerCheck(
    arrival(id, now),
    () => (one.kind === 'offer' ? offer({ place, isRetry: one.isRetry }) : nothing),
    () => [...found, ...lost],
  );
}
