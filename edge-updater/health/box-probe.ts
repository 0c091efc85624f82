/**
 * Asks a box once whether it is well: its K3s or K0s step by step where one is found, then the probes of edge.yaml in
 * their order. A service that is neither K3s nor K0s has the probes alone.
 */
import type { DistributionName, ReleaseDistribution } from '../../contract/release/distribution.ts';
import type { Version } from '../../contract/release/version.ts';
import type { Box } from '../box/box.ts';
import type { BoxReader } from '../box/box-machine.ts';
import type { HealthProbe, HealthResult } from '../ports.ts';
import { type Evidence, evidence, findingOf } from './evidence.ts';
import type { HealthMachine } from './health-machine.ts';
import { kubeletVersionOf } from './kubelet-version.ts';
import type { LeaseWatch } from './lease-watch.ts';
import { isAgent, lookAtApi, lookAtBox } from './look-at-box.ts';

export interface BoxProbeSettings {
  /** Undefined where no K3s or K0s is looked for. */
  readonly boxes: BoxReader | undefined;
  readonly machine: HealthMachine;
  /** What the release that is current says of its K3s or K0s. */
  readonly distribution: () => ReleaseDistribution | undefined;
  readonly kubeletHealthz: string;
  readonly podsIn: readonly string[];
  /** Of edge.yaml. */
  readonly probes: readonly HealthProbe[];
}

export class BoxProbe implements HealthProbe {
  readonly #settings: BoxProbeSettings;
  #lease: LeaseWatch | undefined;
  /** As it was when all was well: who is well does not become somebody else. */
  #box: Box | undefined;

  constructor(settings: BoxProbeSettings) {
    this.#settings = settings;
  }

  begin(): void {
    this.#lease = undefined;
    this.#box = undefined;
  }

  async probe(signal: AbortSignal): Promise<HealthResult> {
    const { probes, boxes } = this.#settings;
    const [only, ...more] = probes;
    const steps = await this.#boxSteps(signal);
    if (steps === undefined && only && more.length === 0) return only.probe(signal);
    const found = [...(steps ?? [])];
    if (found.every(({ outcome }) => outcome === 'passed')) found.push(...(await this.#probeSteps(signal)));
    if (found.length === 0) {
      const searched = boxes ? 'no K3s or K0s is found here, and ' : '';
      found.push(evidence('probe', 'failed', `${searched}edge.yaml has no probe`));
    }
    const finding = findingOf(found);
    if (!finding.isHealthy) this.#box = undefined;
    return finding;
  }

  async waitsFor(signal: AbortSignal): Promise<string | undefined> {
    const reading = await this.#settings.boxes?.read();
    if (reading?.kind !== 'box' || !isAgent(reading.box)) return undefined;
    const api = await lookAtApi(this.#settings.machine, this.#question(reading.box), signal);
    return api.outcome === 'undecided' ? findingOf([api]).detail : undefined;
  }

  /** Undefined where there is no box. */
  async #boxSteps(signal: AbortSignal): Promise<readonly Evidence[] | undefined> {
    const { boxes, machine } = this.#settings;
    if (boxes === undefined) return undefined;
    const reading = this.#box ? ({ kind: 'box', box: this.#box } as const) : await boxes.read();
    if (reading.kind === 'none') return undefined;
    if (reading.kind === 'refused') return [evidence('box', 'failed', `${reading.code}: ${reading.message}`)];
    const { box } = reading;
    const unit = judgeRunning(box, this.#settings.distribution());
    if (unit.outcome !== 'passed') return [unit];
    const look = await lookAtBox(machine, this.#question(box), signal);
    this.#lease = look.lease;
    this.#box = box;
    return [unit, ...look.steps];
  }

  #question(box: Box) {
    const { kubeletHealthz, podsIn, distribution } = this.#settings;
    const stated = distribution();
    const kubeletVersion = stated && kubeletVersionOf(stated.name, stated.version);
    return { box, kubeletVersion, kubeletHealthz, podsIn, lease: this.#lease };
  }

  async #probeSteps(signal: AbortSignal): Promise<Evidence[]> {
    const steps: Evidence[] = [];
    for (const probe of this.#settings.probes) {
      const { isHealthy, detail } = await probe.probe(signal);
      steps.push(evidence('probe', isHealthy ? 'passed' : 'failed', detail));
      if (!isHealthy) break;
    }
    return steps;
  }
}

/** What runs has to be what the release brings, where both are known. */
function judgeRunning(
  { unit, distribution, version }: Box,
  stated: { readonly name: DistributionName; readonly version: Version } | undefined,
): Evidence {
  if (version === undefined) return evidence('unit', 'passed', `${unit} is active`);
  if (stated && (stated.name !== distribution || stated.version !== version.replace(/^v/, ''))) {
    const expected = `${stated.name} v${stated.version}`;
    return evidence('unit', 'failed', `${unit} runs ${distribution} ${version}, expected ${expected}`);
  }
  return evidence('unit', 'passed', `${unit} runs ${version}`);
}
