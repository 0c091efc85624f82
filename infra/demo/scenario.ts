/**
 * Tells the story of the demo, step by step, through the built programs and a flaky link between them. Every promise
 * becomes an observation, measured from outside where that is possible.
 */
import type { Transfer } from '../../contract/device-api/report.ts';
import { digestIfThere } from './fixtures.ts';
import { type DemoNarrator, inDays, inKilobytes } from './narrator.ts';
import { simulateExample } from './programs.ts';
import { Stage } from './stage.ts';

export interface ServerUnderUpdate {
  readonly name: string;
  /** The binary of release 1 and of release 2. */
  readonly files: readonly [string, string];
  /** `{port}` and `{current}` are filled in. */
  readonly serveArgs: readonly string[];
  /** `{port}` is filled in. */
  readonly health: string;
  /** How long it may take from its start until it is healthy. */
  readonly healthTimeoutSeconds: number;
  /** Install path of a page that the release brings along, where the server needs one to be healthy. */
  readonly page?: string;
}

interface Observation {
  readonly what: string;
  readonly seen: boolean;
}

interface ReleaseResult extends Partial<Transfer> {
  readonly number: 1 | 2 | 3;
  readonly version: string;
  readonly outcome: string;
  /** Status of its rollout when the demo ended. */
  readonly rollout: string;
  readonly installedBytes: number;
  readonly code?: string;
}

export interface ScenarioResult {
  readonly ok: boolean;
  readonly server: string;
  readonly seconds: number;
  readonly releases: readonly ReleaseResult[];
  readonly observations: readonly Observation[];
}

/** 1 Mbit/s, as in the field, unless the download would be too long for a demo or over before it can break. */
const mobileBytesPerSecond = 125_000;
const downloadSeconds = { min: 4, max: 20 };

/** What the server's own decisions would make of a release, by how often it fails. */
const predicted = [
  { failureRate: '0.5 %', expected: 'completed' },
  { failureRate: '20 %', expected: 'aborted' },
] as const;

export async function runScenario(server: ServerUnderUpdate, narrator: DemoNarrator): Promise<ScenarioResult> {
  const startedAt = performance.now();
  const observations: Observation[] = [];
  const observe = (what: string, seen: boolean) => {
    observations.push({ what, seen });
    narrator.fact(seen ? what : `NOT OBSERVED: ${what}`);
  };
  const releases: ReleaseResult[] = [];
  const stage = await Stage.open(server);
  try {
    narrator.step(`Release 1: publish, enrol a device, install (${server.name})`);
    await stage.publish(1);
    await stage.startDistributor();
    await stage.declareRollout(1);
    await stage.startUpdater();
    releases.push(await settle(stage, 1));
    observe('release 1 was committed', releases[0]?.outcome === 'committed');
    observe('the server of release 1 answers', await stage.isHealthy());

    narrator.step('Before a plan is merged: the example in infra/rollouts, simulated over 2,000 devices');
    for (const { failureRate, expected } of predicted) {
      const { outcome, seconds, worstCase, devices } = await simulateExample(failureRate);
      const words = `${outcome} after ${inDays(seconds)}, ${worstCase.toLocaleString('en-GB')} of ${devices.toLocaleString('en-GB')} devices ran it at once`;
      observe(`with ${failureRate} of the updates bad: ${words}`, outcome === expected);
    }

    narrator.step('Release 2: publish with a delta, push its rollout to Git, over a slow link');
    const { installedBytes, wireBytes } = await stage.publish(2);
    stage.link.bytesPerSecond = Math.max(
      wireBytes / downloadSeconds.max,
      Math.min(wireBytes / downloadSeconds.min, mobileBytesPerSecond),
    );
    const megabits = ((stage.link.bytesPerSecond * 8) / 1e6).toFixed(2);
    narrator.fact(`${inKilobytes(wireBytes)} to download for ${inKilobytes(installedBytes)}, at ${megabits} Mbit/s`);
    const before = stage.link.bytesToDevice;
    const commit = await stage.declareRollout(2);
    const author = await stage.waitForCommit(commit);
    observe(`commit ${commit.slice(0, 7)} by ${author} is in force`, author !== '');
    await stage.waitForDownloaded(0.3 * wireBytes);
    stage.link.cut();
    narrator.step('The link breaks');
    await stage.waitForDownloaded(0.6 * wireBytes);
    await stage.killUpdater();
    narrator.step('The updater is killed with SIGKILL in the middle of the download');
    await stage.startUpdater();
    const second = { ...(await settle(stage, 2)), rollout: await stage.waitForRollout(2, 'completed') };
    stage.link.bytesPerSecond = Number.POSITIVE_INFINITY;
    releases.push(second);
    const wire = stage.link.bytesToDevice - before;
    observe('release 2 was committed', second.outcome === 'committed');
    observe(
      `the download went on from ${inKilobytes(second.resumedFrom ?? 0)} after the kill`,
      (second.resumedFrom ?? 0) > 0,
    );
    observe(
      `${inKilobytes(wire)} crossed the link, everything counted: what was durable came only once`,
      wire < wireBytes + allowedOverhead(wireBytes),
    );
    const fullBytes = second.fullBytes ?? 0;
    if (wireBytes < fullBytes) {
      observe(`a full download has ${inKilobytes(fullBytes)}`, (second.bytesOnWire ?? fullBytes) < fullBytes);
    }
    observe(
      'the installed binary is bit for bit the published one',
      (await digestIfThere(stage.installedServer)) === (await digestIfThere(server.files[1])),
    );
    observe('the server of release 2 answers', await stage.isHealthy());

    narrator.step('Release 3: it starts, but never becomes healthy');
    await stage.publish(3);
    await stage.declareRollout(3);
    const third = await settle(stage, 3);
    releases.push({ ...third, rollout: await stage.waitForRollout(3, 'aborted') });
    observe(`release 3 was rolled back (${third.code})`, third.outcome === 'rolled-back');
    observe('its rollout was aborted for the fleet', releases[2]?.rollout === 'aborted');
    observe(
      'the device runs release 2 again, bit for bit',
      (await digestIfThere(stage.installedServer)) === (await digestIfThere(server.files[1])),
    );
    observe('the server of release 2 answers again', await stage.isHealthy());
  } catch (error) {
    observe(`the demo went through (${error instanceof Error ? error.message : String(error)})`, false);
    narrator.fact(stage.logs());
  } finally {
    await stage.close();
  }
  const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
  const ok = observations.every(({ seen }) => seen) && releases.length === 3;
  return { ok, server: server.name, seconds, releases, observations };
}

/** What check-ins, metadata, reports and bytes in flight at the two interruptions may add. */
function allowedOverhead(wireBytes: number): number {
  return 256_000 + wireBytes / 4;
}

/** Waits until the device has reported how the release ended and describes it. */
async function settle(stage: Stage, number: 1 | 2 | 3): Promise<ReleaseResult> {
  const { report, rollout, installedBytes } = await stage.waitForOutcome(number);
  return {
    number,
    version: report.version,
    outcome: report.outcome ?? 'none',
    rollout,
    installedBytes,
    ...report.transfer,
    ...(report.code === undefined ? {} : { code: report.code }),
  };
}
