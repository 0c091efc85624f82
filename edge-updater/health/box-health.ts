/**
 * Looks at the K3s or K0s of this machine: which box it is, whether it runs what the release brings, and its steps in
 * order. What has to be remembered from one look to the next is handed in, so that each look may be another process's.
 */
import type { DistributionName } from '../../contract/release/distribution.ts';
import type { Version } from '../../contract/release/version.ts';
import type { Box } from '../box/box.ts';
import type { BoxReader } from '../box/box-machine.ts';
import { type Evidence, evidence, findingOf } from './evidence.ts';
import type { HealthMachine } from './health-machine.ts';
import { kubeletVersionOf } from './kubelet-version.ts';
import type { LeaseWatch } from './lease-watch.ts';
import { type BoxLook, isAgent, lookAtApi, lookAtBox } from './look-at-box.ts';

export interface HealthQuestion {
  /** What the release that is current says of its K3s or K0s. */
  readonly stated: { readonly name: DistributionName; readonly version: Version } | undefined;
  /** What the look before saw of the lease; undefined at the first one after a start. */
  readonly lease: LeaseWatch | undefined;
}

/** Never throws: what cannot be told is part of the answer. */
export interface BoxHealth {
  /** Undefined where there is no box. */
  look(question: HealthQuestion, signal: AbortSignal): Promise<BoxLook | undefined>;
  /** Of a box that is starting: what it waits for that is elsewhere; undefined where it does not. */
  waitsFor(question: HealthQuestion, signal: AbortSignal): Promise<string | undefined>;
}

interface BoxHealthSettings {
  readonly boxes: BoxReader;
  readonly machine: HealthMachine;
  readonly kubeletHealthz: string;
  readonly podsIn: readonly string[];
}

export class HealthOfBox implements BoxHealth {
  readonly #settings: BoxHealthSettings;
  /** As it was when all was well: who is well does not become somebody else. */
  #box: Box | undefined;

  constructor(settings: BoxHealthSettings) {
    this.#settings = settings;
  }

  async look(question: HealthQuestion, signal: AbortSignal): Promise<BoxLook | undefined> {
    const { boxes, machine } = this.#settings;
    const { stated, lease } = question;
    const known = lease && this.#box;
    this.#box = undefined;
    const reading = known ? ({ kind: 'box', box: known } as const) : await boxes.read();
    if (reading.kind === 'none') return undefined;
    if (reading.kind === 'refused') {
      return { steps: [evidence('box', 'failed', `${reading.code}: ${reading.message}`)], lease };
    }
    const { box } = reading;
    const unit = judgeRunning(box, stated);
    if (unit.outcome !== 'passed') return { steps: [unit], lease };
    const look = await lookAtBox(machine, this.#asked(box, question), signal);
    if (look.steps.every(({ outcome }) => outcome === 'passed')) this.#box = box;
    return { ...look, steps: [unit, ...look.steps] };
  }

  async waitsFor(question: HealthQuestion, signal: AbortSignal): Promise<string | undefined> {
    const reading = await this.#settings.boxes.read();
    if (reading.kind !== 'box' || !isAgent(reading.box)) return undefined;
    const api = await lookAtApi(this.#settings.machine, this.#asked(reading.box, question), signal);
    return api.outcome === 'undecided' ? findingOf([api]).detail : undefined;
  }

  #asked(box: Box, { stated, lease }: HealthQuestion) {
    const { kubeletHealthz, podsIn } = this.#settings;
    const kubeletVersion = stated && kubeletVersionOf(stated.name, stated.version);
    return { box, kubeletVersion, kubeletHealthz, podsIn, lease };
  }
}

/** What runs has to be what the release brings, where both are known. */
function judgeRunning({ unit, distribution, version }: Box, stated: HealthQuestion['stated']): Evidence {
  if (version === undefined) return evidence('unit', 'passed', `${unit} is active`);
  if (stated && (stated.name !== distribution || stated.version !== version.replace(/^v/, ''))) {
    const expected = `${stated.name} v${stated.version}`;
    return evidence('unit', 'failed', `${unit} runs ${distribution} ${version}, expected ${expected}`);
  }
  return evidence('unit', 'passed', `${unit} runs ${version}`);
}
