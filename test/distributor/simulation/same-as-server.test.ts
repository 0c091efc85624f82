/**
 * The same story told twice: what simulated devices ask and report goes to the real application over a database, at the
 * same moments. Answers, steps of the campaign and counts have to be those of the simulation.
 */
import { expect, it } from 'vitest';
import type { CheckRequest, Labels } from '../../../contract/device-api/check.ts';
import { sha256 } from '../../../contract/digest.ts';
import { encodeManifest, targetPath } from '../../../contract/release/manifest.ts';
import type { ControlAction } from '../../../distributor/rollout/campaigns/control.ts';
import type { Transition } from '../../../distributor/rollout/campaigns/transition.ts';
import type { Decision } from '../../../distributor/rollout/decision.ts';
import type { RolloutRun } from '../../../distributor/simulation/rollout-run.ts';
import { type SimulationInput, simulate } from '../../../distributor/simulation/simulate.ts';
import {
  simulatedReport,
  type VirtualDevice,
  type VirtualReport,
} from '../../../distributor/simulation/virtual-device.ts';
import type { KnownDevice } from '../../../distributor/simulation/virtual-fleet.ts';
import { product, smallRelease } from '../../fakes/signed-repository.ts';
import { SmallFleet, takenAtTheirWord } from '../../fakes/small-fleet.ts';
import { isWideRun, sampled } from '../../sampling.ts';
import { inputOf } from './simulated.ts';

const platform = 'linux/amd64';
const minuteMs = 60_000;
const dayMs = 24 * 3600 * 1000;
const releases = new Map(['1.0.0', '2.0.0'].map((version, index) => [version, smallRelease(version, index + 1)]));

interface Story {
  readonly spec: Record<string, unknown>;
  readonly conditions?: Partial<SimulationInput>;
  /** Of each device, which is taken at its word; undefined for none. */
  readonly labels?: (index: number) => Labels;
}

const waves = [
  { name: 'canary', count: 4, soak: '30m' },
  { name: 'half', percent: 50, soak: '30m' },
  { name: 'all', percent: 100, soak: '30m' },
];

const stories: Readonly<Record<string, Story>> = {
  'a release that works everywhere': { spec: { waves } },
  'a release that fails on one device in five': { spec: { waves }, conditions: { failureRate: 0.2, seed: 3 } },
  'an abort that sends devices back': {
    spec: { waves, abort: { failurePercent: 10, minFailures: 2, revert: true } },
    conditions: { failureRate: 0.3, seed: 5 },
  },
  'devices that are out of reach': {
    spec: { waves, deviceTimeout: '2h' },
    conditions: { offline: 0.4, failureRate: 0.05, seed: 7 },
  },
  'places with two devices, one at a time': {
    spec: { waves, concurrency: { perSite: 1 } },
    conditions: { failureRate: 0.05, seed: 11 },
    labels: (index) => ({ 'slipway.io/site': `site-${Math.floor(index / 2)}` }),
  },
  'clusters whose agents follow their server': {
    spec: { waves },
    conditions: { failureRate: 0.02, seed: 12 },
    labels: (index) => ({
      'slipway.io/cluster': `cluster-${Math.floor(index / 3)}`,
      'slipway.io/role': index % 3 === 0 ? 'server' : 'agent',
    }),
  },
  'a budget that lets few devices go in an hour': {
    spec: { waves, budget: { bytes: 45, per: '1h' } },
    // A download takes a quarter of an hour: what is reserved for it counts.
    conditions: { updateBytes: 10, speeds: [1e-7], failureRate: 0.05, seed: 17 },
  },
  'a rollout that somebody pauses and resumes': {
    spec: { waves },
    conditions: {
      seed: 19,
      actions: [
        { afterSeconds: 3630, action: 'pause', rollout: 'r' },
        { afterSeconds: 9030, action: 'resume', rollout: 'r' },
      ],
    },
  },
  'a window in which devices may switch': {
    spec: { waves, windows: [{ timeZone: 'UTC', from: '02:00', to: '05:00' }] },
    conditions: { seed: 13 },
  },
};

/** The other half: `npm test -- --wide`. */
const tried = sampled(Object.entries(stories), 3, isWideRun);

it.each(tried)('%s', { timeout: 240_000 }, async (_name, story) => {
  await using small = await SmallFleet.open();
  for (const release of releases.values()) await small.publish(release);
  // A day after the devices enrolled, and at midnight.
  const start = (Math.floor(small.now / dayMs) + 2) * dayMs;
  small.lapse((start - dayMs - small.now) / 1000);
  const told = await storyTold(story, start);
  const served = new Map<string, ServedDevice>();
  for (const { id } of told.fleet) served.set(id, new ServedDevice(id, await small.enrol(id), small));
  small.lapse((start - small.now) / 1000);
  // Devices were heard under the rules of the fleet, before the rollout was declared.
  if (story.labels) await small.writeRolloutFile('fleet.yaml', takenAtTheirWord);
  for (const { id, labels } of told.fleet) {
    if (told.heard.has(id)) await served.get(id)?.ask({ ...firstCheck, labels });
  }
  await small.declare('r', { release: '2.0.0', ...story.spec });

  let tickAt = start + minuteMs;
  for (const event of told.events) {
    for (; tickAt <= event.at; tickAt += minuteMs) await small.pass((tickAt - small.now) / 1000);
    small.lapse((event.at - small.now) / 1000);
    if (event.kind === 'act') {
      await small.campaigns.control('r', event.action, 'an operator', small.now);
      continue;
    }
    const device = served.get(event.id);
    if (event.kind === 'report') await device?.report(event.report);
    else
      expect(await device?.ask(event.check), `${event.id} after ${(event.at - start) / 1000} s`).toEqual(event.answer);
  }
  await small.pass((told.endAt - small.now) / 1000);
  const steps = small.events.flatMap((event): object[] => {
    if (event.kind === 'controlled') return [{ kind: event.action }];
    return event.kind === 'advanced' ? [stepOf(event.transition)] : [];
  });
  expect(steps).toEqual(told.steps);
  expect(steps.length).toBeGreaterThan(1);
  const [view] = await small.campaigns.views(small.now, 'r');
  expect(view?.counts).toEqual(told.counts);
});

type Told = { readonly at: number } & (
  | { readonly kind: 'check'; readonly id: string; readonly check: CheckRequest; readonly answer: object }
  | { readonly kind: 'report'; readonly id: string; readonly report: VirtualReport }
  | { readonly kind: 'act'; readonly action: ControlAction }
);

async function storyTold({ spec, conditions, labels }: Story, start: number) {
  const fleet = Array.from({ length: 24 }, (_, index): KnownDevice => {
    return { id: `device-${index}`, product, platform, labels: labels?.(index) ?? {}, version: '1.0.0' };
  });
  const rollout = {
    apiVersion: 'slipway/v1',
    kind: 'Rollout',
    metadata: { name: 'r' },
    spec: { product, release: '2.0.0', ...spec },
  };
  const text = [JSON.stringify(rollout), ...(labels ? [takenAtTheirWord] : [])].join('\n---\n');
  const endAt = start + 9 * 3600 * 1000;
  const events: Told[] = [];
  const steps: object[] = [];
  const heard = new Set<string>();
  /** What a device does while it is out of reach is heard with its next check. */
  const waiting = new Map<string, VirtualReport[]>();
  let run: RolloutRun | undefined;
  const hear = (device: VirtualDevice, at: number) => {
    const { id } = device.is;
    for (const report of waiting.get(id) ?? []) events.push({ kind: 'report', at, id, report });
    waiting.delete(id);
  };
  const input = inputOf(text, {
    fleet,
    start,
    forSeconds: (endAt - start) / 1000,
    pollSeconds: 1800,
    ...conditions,
    asksAlways: true,
  });
  await simulate(input, {
    transition: (of, transition, at) => {
      run = of;
      steps.push(stepOf(transition));
      const { kind } = transition;
      if (kind === 'pause' || kind === 'resume') events.push({ kind: 'act', at, action: kind });
    },
    did: (device, report, now) => {
      waiting.set(device.is.id, [...(waiting.get(device.is.id) ?? []), report]);
      if (device.is.reach !== 'never' && now >= device.silentUntil) hear(device, now);
    },
    answered: (device, decision, at) => {
      const { id } = device.is;
      heard.add(id);
      hear(device, at);
      events.push({ kind: 'check', at, id, check: device.check, answer: answerOf(decision) });
    },
  });
  return { fleet, events, steps, heard, endAt, counts: run?.counts(endAt) };
}

function answerOf(decision: Decision) {
  const { kind, reason } = decision;
  return { decision: kind, reason, version: kind === 'update' ? decision.release.version : undefined };
}

function stepOf(transition: Transition) {
  const { kind } = transition;
  if (kind !== 'open-wave') return { kind };
  return { kind, wave: transition.wave, upTo: transition.upTo, members: transition.members };
}

const installed = (version: string) => {
  const release = releases.get(version);
  if (!release) throw new Error(`no release ${version}`);
  return { version, counter: release.counter, manifestSha256: encodeManifest(release).sha256 };
};

const firstCheck: CheckRequest = {
  ...{ schemaVersion: 1, updaterVersion: '1.0.0', product, platform, current: installed('1.0.0') },
  ...{ counterFloor: 1, phase: 'idle', rejected: [], labels: {} },
};

/** The simulation names releases by the digest of their path. */
const realDigests = new Map(
  [...releases.keys()].map((version) => [
    sha256(new TextEncoder().encode(targetPath({ product, platform, version }))),
    installed(version).manifestSha256,
  ]),
);

class ServedDevice {
  readonly #id: string;
  readonly #token: string;
  readonly #small: SmallFleet;

  constructor(id: string, token: string, small: SmallFleet) {
    this.#id = id;
    this.#token = token;
    this.#small = small;
  }

  async ask(check: CheckRequest) {
    const { current, rejected } = check;
    const answer = await this.#small.check(this.#id, this.#token, {
      ...check,
      ...(current ? { current: installed(current.version) } : {}),
      rejected: rejected.map((digest) => realDigests.get(digest) ?? digest),
    });
    return { decision: answer.decision, reason: answer.reason, version: answer.offer?.version };
  }

  async report(said: VirtualReport): Promise<void> {
    const answer = await this.#small.report(this.#id, this.#token, simulatedReport(said, this.#small.now));
    expect(answer.statusCode).toBe(200);
  }
}
