/**
 * Asks a box once whether it is well: its K3s or K0s step by step where one is found, then the probes of edge.yaml in
 * their order. A service that is neither K3s nor K0s has the probes alone.
 */
import type { ReleaseDistribution } from '../../contract/release/distribution.ts';
import type { HealthProbe, HealthResult } from '../ports.ts';
import type { BoxHealth, HealthQuestion } from './box-health.ts';
import { type Evidence, evidence, findingOf } from './evidence.ts';
import type { LeaseWatch } from './lease-watch.ts';

interface BoxProbeSettings {
  /** Undefined where no K3s or K0s is looked for. */
  readonly box: BoxHealth | undefined;
  /** What the release that is current says of its K3s or K0s. */
  readonly distribution: () => ReleaseDistribution | undefined;
  /** Of edge.yaml. */
  readonly probes: readonly HealthProbe[];
}

export class BoxProbe implements HealthProbe {
  readonly #settings: BoxProbeSettings;
  #lease: LeaseWatch | undefined;

  constructor(settings: BoxProbeSettings) {
    this.#settings = settings;
  }

  begin(): void {
    this.#lease = undefined;
  }

  async probe(signal: AbortSignal): Promise<HealthResult> {
    const { probes, box } = this.#settings;
    const [only, ...more] = probes;
    const look = await box?.look(this.#question, signal);
    if (look === undefined && only && more.length === 0) return only.probe(signal);
    if (look) this.#lease = look.lease;
    const found = [...(look?.steps ?? [])];
    if (found.every(({ outcome }) => outcome === 'passed')) found.push(...(await this.#probeSteps(signal)));
    if (found.length === 0) {
      const searched = box ? 'no K3s or K0s is found here, and ' : '';
      found.push(evidence('probe', 'failed', `${searched}edge.yaml has no probe`));
    }
    return findingOf(found);
  }

  async waitsFor(signal: AbortSignal): Promise<string | undefined> {
    return this.#settings.box?.waitsFor(this.#question, signal);
  }

  get #question(): HealthQuestion {
    return { stated: this.#settings.distribution(), lease: this.#lease };
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
