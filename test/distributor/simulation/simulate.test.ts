import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distributionOf, spreadOf } from '../../../distributor/simulation/distribution.ts';
import { type SimulationInput, type SimulationObserver, simulate } from '../../../distributor/simulation/simulate.ts';
import { isLongRun, isWideRun, sampled } from '../../sampling.ts';
import { inputOf, rolloutText } from './simulated.ts';

const threeWaves = `  waves:
    - {name: canary, percent: 2, soak: 24h}
    - {name: half, percent: 50, soak: 12h}
    - {name: all, percent: 100, soak: 4h}`;

describe('ten thousand devices, three in ten out of reach', () => {
  it.each(
    sampled([1, 2, 3, 4, 5, 6], 1),
  )('abort with six in a hundred bad, on no more devices than open waves hold, seed %i', {
    timeout: 120_000,
  }, async (seed) => {
    const fleet = { fleet: 10_000, offline: 0.3, seed };
    const { result } = await simulate(inputOf(rolloutText(threeWaves), { ...fleet, failureRate: 0.06 }));
    expect(result.outcome).toBe('aborted');
    const members = result.waves.reduce((sum, wave) => sum + wave.devices, 0);
    expect(result.worstCase).toBeLessThanOrEqual(members);
    expect(members).toBeLessThanOrEqual(5000);
    expect(result.waves.every(({ closedAt }) => closedAt !== null)).toBe(true);
  });

  it.each(sampled([1, 2, 3], 1))('complete with one in two hundred bad, seed %i', {
    timeout: 120_000,
  }, async (seed) => {
    const fleet = { fleet: 10_000, offline: 0.3, seed };
    const { result } = await simulate(inputOf(rolloutText(threeWaves), { ...fleet, failureRate: 0.005 }));
    expect(result.outcome).toBe('completed');
    expect(result.waves.map(({ name }) => name)).toEqual(['canary', 'half', 'all']);
    expect(result.devices).toBe(10_000);
    expect(result.reached + result.unreachable + result.waiting + result.notOffered).toBe(10_000);
    expect(result.unreachable).toBeGreaterThan(2500);
    expect(result.committed).toBeGreaterThan(6800);
  });
});

describe('the example plan', () => {
  const base = path.join(import.meta.dirname, '../../../infra/rollouts/example/base');
  const text = ['fleet', 'groups', 'k3s-1.33.9'].map((name) => readFileSync(path.join(base, `${name}.yaml`), 'utf8'));

  const plan = text.join('\n---\n');

  it.each(
    sampled([1, 2, 3, 4, 5, 6, 7, 8], 1),
  )('is aborted by six in a hundred bad and completed by one in two hundred, seed %i', {
    timeout: 120_000,
  }, async (seed) => {
    const fleet = { fleet: 2000, offline: 0.3, seed };
    const { result: bad } = await simulate(inputOf(plan, { ...fleet, failureRate: 0.06 }));
    expect(bad.outcome).toBe('aborted');
    expect(bad.worstCase).toBeLessThanOrEqual(bad.waves.reduce((sum, wave) => sum + wave.devices, 0));
    expect(bad.worstCase).toBeLessThan(400);
    const { result: good } = await simulate(inputOf(plan, { ...fleet, failureRate: 0.005 }));
    expect(good.outcome).toBe('completed');
  });

  it('has a distribution: good releases get through, bad ones on few devices', { timeout: 120_000 }, async () => {
    const { failureRate: _, ...input } = inputOf(plan, { fleet: 2000, offline: 0.3 });
    const told: string[] = [];
    const runs = isLongRun ? 6 : isWideRun ? 2 : 1;
    const found = await distributionOf({
      ...{ input, failureRates: [0.005, 0.1], runs },
      progress: (done, all) => told.push(`${done}/${all}`),
    });
    const [good, bad] = found.rates;
    expect(good?.outcomes).toEqual({ completed: runs, aborted: 0, stalled: 0 });
    expect(bad?.outcomes).toEqual({ completed: 0, aborted: runs, stalled: 0 });
    expect(bad?.devicesOnRelease.p95).toBeLessThan((good?.devicesOnRelease.median ?? 0) / 3);
    expect([good?.stoppedAfterSeconds, bad?.completedAfterSeconds]).toEqual([null, null]);
    expect(told.at(-1)).toBe(`${2 * runs}/${2 * runs}`);
    // The same seeds give the same numbers as single runs do.
    const { result: alone } = await simulate(inputOf(plan, { fleet: 2000, offline: 0.3, failureRate: 0.1, seed: 2 }));
    const one = await distributionOf({
      input: { ...input, seed: 2 },
      failureRates: [0.1],
      runs: 1,
      progress: () => {},
    });
    expect(one.rates[0]?.devicesOnRelease).toEqual({ median: alone.worstCase, p95: alone.worstCase });
  });
});

it('gives the median and the 95th percentile by nearest rank', () => {
  expect(spreadOf([5, 1, 3])).toEqual({ median: 3, p95: 5 });
  expect(spreadOf(Array.from({ length: 100 }, (_, i) => 100 - i))).toEqual({ median: 50, p95: 95 });
  expect(spreadOf([])).toBeNull();
});

/** Everything that a simulation says to an observer that is not about how often devices ask. */
async function storyOf(input: SimulationInput): Promise<{ story: string[]; decisions: number; json: string }> {
  const story: string[] = [];
  const { result, decisions } = await simulate(input, {
    transition: (run, transition, now) => story.push(`${now} ${run.name} ${JSON.stringify(transition)}`),
    answered: (device, { kind, reason }, now) => {
      if (kind !== 'none') story.push(`${now} ${device.is.id} ${kind} ${reason}`);
    },
    switched: (device, release, now) => story.push(`${now} ${device.is.id} switched ${release.version}`),
    did: (device, report, now) => story.push(`${now} ${device.is.id} ${JSON.stringify(report)}`),
  });
  return { story, decisions, json: JSON.stringify(result) };
}

/** Devices hold each other up by what they say of themselves. */
const trusting = '---\napiVersion: slipway/v1\nkind: Fleet\nmetadata: {name: f}\nspec: {keys: {fromDevice: true}}';

const naiveCases: readonly (readonly [string, string, Partial<SimulationInput>])[] = [
  [
    'sites and clusters',
    `${threeWaves}\n  concurrency: {perSite: 2}\n${trusting}`,
    { fleet: 400, offline: 0.2, failureRate: 0.01 },
  ],
  [
    'windows, downloads ahead and a budget',
    `${threeWaves}\n  concurrency: {perSite: 2}\n  downloadAhead: 4h\n  budget: {bytes: 500MB, per: 24h}\n  windows: [{timeZone: Europe/Berlin, from: "22:00", to: "05:00"}]\n${trusting}`,
    { fleet: 300, offline: 0.3, failureRate: 0.02, start: Date.UTC(2026, 2, 27, 12) },
  ],
  [
    'an abort that sends devices back',
    `${threeWaves}\n  concurrency: {serversPerCluster: 2}`
      .replace('minFailures: 3', 'minFailures: 3, revert: true')
      .concat(`\n${trusting}`),
    { fleet: 300, failureRate: 0.2, seed: 5 },
  ],
  [
    'a pause, a deadline and a late resume',
    `${threeWaves}\n  deadline: 2026-01-08T00:00:00Z`,
    {
      fleet: 300,
      offline: 0.1,
      actions: [
        { afterSeconds: 1800, action: 'pause', rollout: undefined },
        { afterSeconds: 2 * 86_400, action: 'resume', rollout: undefined },
      ],
      forSeconds: 10 * 86_400,
    },
  ],
  [
    'two rollouts that claim the same devices',
    `${threeWaves}\n---\n${rolloutText(`${threeWaves}\n  priority: 5\n  concurrency: {perSite: 1}`).replace('name: edge', 'name: urgent').replace('1.33.9', '1.33.10')}\n${trusting}`,
    { fleet: 200, offline: 0.2, failureRate: 0.02 },
  ],
];

describe('a fleet of which some run the release already', () => {
  const fleetWith = (already: (index: number) => boolean) =>
    Array.from({ length: 60 }, (_, index) => ({
      ...{ id: `gate-${index}`, product: 'k3s-edge', platform: 'linux/arm64' as const, labels: {} },
      version: already(index) ? '1.33.9+k3s1' : '1.33.8+k3s1',
    }));

  it('completes although nobody needs to be offered anything, on no device more', async () => {
    const { result } = await simulate(inputOf(rolloutText(threeWaves), { fleet: fleetWith(() => true) }));
    expect(result).toMatchObject({ outcome: 'completed', devices: 60, committed: 60, notOffered: 0, worstCase: 0 });
  });

  it('counts those and the others, asleep or asked each time', async () => {
    const fleet = fleetWith((index) => index % 3 === 0);
    const input = inputOf(rolloutText(threeWaves), { fleet, offline: 0.1, failureRate: 0.01 });
    const asleep = await storyOf(input);
    const naive = await storyOf({ ...input, asksAlways: true });
    expect(asleep.json).toBe(naive.json);
    expect(asleep.story).toEqual(naive.story);
    expect(JSON.parse(asleep.json).committed).toBeGreaterThan(20);
  });
});

describe('devices that sleep', () => {
  it.each(naiveCases)('live as if they asked each time: %s', { timeout: 120_000 }, async (_name, spec, more) => {
    const input = inputOf(rolloutText(spec), more);
    const asleep = await storyOf(input);
    const naive = await storyOf({ ...input, asksAlways: true });
    expect(asleep.json).toBe(naive.json);
    expect(asleep.story).toEqual(naive.story);
    expect(asleep.decisions).toBeLessThan(naive.decisions);
  });
});

describe('the same seed', () => {
  it('gives the same bytes; another one does not', async () => {
    const of = async (seed: number) => {
      const input = inputOf(rolloutText(threeWaves), { seed, offline: 0.3, failureRate: 0.02 });
      return JSON.stringify((await simulate(input)).result);
    };
    expect(await of(11)).toBe(await of(11));
    expect(await of(11)).not.toBe(await of(12));
  });
});

interface Case {
  readonly percents: readonly number[];
  readonly soakHours: number;
  readonly window: { readonly from: number; readonly to: number } | undefined;
  readonly perSite: number | undefined;
  readonly more: Partial<SimulationInput>;
}

const cases: fc.Arbitrary<Case> = fc.record({
  percents: fc
    .uniqueArray(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 4 })
    .map((list) => list.sort((a, b) => a - b)),
  soakHours: fc.integer({ min: 0, max: 30 }),
  window: fc.option(
    fc
      .record({ from: fc.integer({ min: 0, max: 23 }), to: fc.integer({ min: 0, max: 23 }) })
      .filter(({ from, to }) => from !== to),
    { nil: undefined },
  ),
  perSite: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
  more: fc.record({
    fleet: fc.integer({ min: 1, max: 60 }),
    seed: fc.nat(),
    offline: fc.constantFrom(0, 0.2, 0.5, 1),
    failureRate: fc.constantFrom(0, 0.05, 0.3, 1),
  }),
});

describe('any small plan', () => {
  it('offers nothing after its abort, never beyond its percentage, switches in windows, counts everybody once', {
    timeout: 120_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ percents, soakHours, window, perSite, more }) => {
        const two = (hour: number) => `"${String(hour).padStart(2, '0')}:00"`;
        const spec = [
          `  waves: [${percents.map((percent, i) => `{name: w${i}, percent: ${percent}, soak: ${soakHours}h}`).join(', ')}]`,
          ...(window
            ? [`  windows: [{timeZone: UTC, from: ${two(window.from)}, to: ${two(window.to)}}]`, '  downloadAhead: 3h']
            : []),
          ...(perSite ? [`  concurrency: {perSite: ${perSite}}`] : []),
        ].join('\n');
        const offered = new Set<string>();
        let isAborted = false;
        let allowed = 0;
        let before = -1;
        const observer: SimulationObserver = {
          transition(_run, transition, now) {
            expect(now).toBeGreaterThanOrEqual(before);
            before = now;
            if (transition.kind === 'abort') isAborted = true;
            if (transition.kind !== 'open-wave') return;
            allowed = transition.members;
            const percent = percents[transition.index] ?? 100;
            const devices = Number(more.fleet);
            expect(allowed).toBeLessThanOrEqual(Math.max(1, Math.floor((percent * devices) / 100)));
          },
          answered(device, { kind }) {
            if (kind !== 'update') return;
            expect(isAborted).toBe(false);
            offered.add(device.is.id);
            expect(offered.size).toBeLessThanOrEqual(allowed);
          },
          switched(_device, _release, now) {
            if (!window) return;
            const hour = (now / 3_600_000) % 24;
            const isInside =
              window.from < window.to
                ? hour >= window.from && hour < window.to
                : hour >= window.from || hour < window.to;
            expect(isInside, new Date(now).toISOString()).toBe(true);
          },
        };
        const { result } = await simulate(inputOf(rolloutText(spec), { ...more, forSeconds: 40 * 86_400 }), observer);
        const { committed, failed, reverted, underWay, unreachable, waiting, notOffered } = result;
        expect(committed + failed + reverted + underWay).toBe(result.reached);
        expect(result.reached + unreachable + waiting + notOffered).toBe(result.devices);
        expect(result.devices).toBe(more.fleet);
        expect(result.worstCase).toBeLessThanOrEqual(offered.size);
        for (const key of ['committed', 'failed', 'underWay', 'unreachable'] as const) {
          const inWaves = result.waves.reduce((sum, wave) => sum + wave[key], 0);
          expect(inWaves).toBe(result[key]);
        }
        expect(result.waves.length + result.unopenedWaves.length).toBe(percents.length);
      }),
      { numRuns: 60 },
    );
  });
});
