/** Sums up what each step of a look at the box saw: whether it is well, and a line that names the step that is not. Pure. */

/** The order in which a box comes up, so that the first step that fails is the one to look at. */
export const steps = ['unit', 'box', 'api', 'kubelet', 'node', 'pods', 'probe'] as const;
export type Step = (typeof steps)[number];

/** `undecided`: it cannot be told here, and is not the fault of this box. */
export const outcomes = ['passed', 'failed', 'undecided'] as const;

export interface Evidence {
  readonly step: Step;
  readonly outcome: (typeof outcomes)[number];
  /** What it saw, for people. */
  readonly saw: string;
}

/** One sample of the probation. */
interface BoxSample {
  readonly isHealthy: boolean;
  readonly isUndecided?: true;
  readonly detail: string;
  readonly evidence?: string;
}

/** A report holds it together with what else happened. */
const maxDetail = 300;
const maxSaw = 200;

export function evidence(step: Step, outcome: Evidence['outcome'], saw: string): Evidence {
  return { step, outcome, saw: saw.slice(0, maxSaw) };
}

/** Nothing behind a step that did not pass was looked at, so the last one decides. */
export function findingOf(steps: readonly Evidence[]): BoxSample {
  const last = steps.at(-1);
  if (last === undefined) return { isHealthy: false, detail: 'nothing was looked at' };
  if (last.outcome === 'passed') {
    const detail = told(steps.map(({ step, saw }) => `${step}: ${saw}`));
    return { isHealthy: true, detail, evidence: detail };
  }
  const before = steps.slice(0, -1).map(({ step }) => step);
  const passed = before.length === 0 ? [] : [`passed: ${before.join(', ')}`];
  const detail = told([`${last.step}: ${last.saw}`, ...passed]);
  return last.outcome === 'undecided' ? { isHealthy: false, isUndecided: true, detail } : { isHealthy: false, detail };
}

function told(parts: readonly string[]): string {
  return parts.join('; ').slice(0, maxDetail);
}
