/**
 * Judges a new release from its health samples: N successes in a row, then a soak in which it may not be lost. Time in which
 * nothing can be told stands still: an agent whose server is away is neither well nor failing.
 */
import type { ErrorCode } from '../../contract/errors.ts';

export interface HealthPolicy {
  /** From the start of the service until it must have been healthy `successes` times in a row. */
  readonly timeoutSeconds: number;
  readonly successes: number;
  /** Time that it has to stay healthy after that. */
  readonly soakSeconds: number;
}

interface Probation {
  readonly successesInRow: number;
  readonly failuresInRow: number;
  /** Seconds on a monotonic clock since the service was started; undefined until the soak begins. */
  readonly soakingSince?: number;
  /** When the last sample was taken, on the same clock. */
  readonly sampledAt?: number;
  /** How much of the time so far does not count. */
  readonly stoodStill?: number;
  /** As the last sample had them. */
  readonly crashes?: number;
}

interface HealthSample {
  readonly isHealthy: boolean;
  /** Nothing can be told for a reason that is elsewhere. */
  readonly isUndecided?: boolean | undefined;
  /** What the probe saw, for people. */
  readonly detail: string;
  /** How often the service ended by itself since it was started. */
  readonly crashes: number;
  /** Seconds on a monotonic clock since the service was started. */
  readonly elapsedSeconds: number;
}

export type ProbationVerdict =
  | { readonly kind: 'wait'; readonly probation: Probation }
  | { readonly kind: 'healthy'; readonly evidence?: string }
  | { readonly kind: 'unhealthy'; readonly code: ErrorCode; readonly message: string };

export const freshProbation: Probation = { successesInRow: 0, failuresInRow: 0 };

/** A service that ends this often on its own is not one that is slow to start. */
const maxCrashes = 5;

export function judgeHealth(probation: Probation, sample: HealthSample, policy: HealthPolicy): ProbationVerdict {
  const { crashes } = sample;
  if (crashes >= maxCrashes) {
    return { kind: 'unhealthy', code: 'service-start-failed', message: `the service ended ${crashes} times` };
  }
  const sampled: Probation = { ...probation, sampledAt: sample.elapsedSeconds, crashes };
  if (sample.isUndecided) {
    const still = sample.elapsedSeconds - (probation.sampledAt ?? 0);
    return { kind: 'wait', probation: { ...sampled, stoodStill: (probation.stoodStill ?? 0) + still } };
  }
  const elapsedSeconds = sample.elapsedSeconds - (probation.stoodStill ?? 0);
  // One that answers well between two ends of its own is not well.
  const hasEnded = crashes > (probation.crashes ?? 0);
  const isHealthy = sample.isHealthy && !hasEnded;
  const detail = hasEnded ? `it ended by itself (${crashes} times so far); ${sample.detail}` : sample.detail;
  const next: Probation = {
    ...sampled,
    successesInRow: isHealthy ? probation.successesInRow + 1 : 0,
    failuresInRow: isHealthy ? 0 : probation.failuresInRow + 1,
  };
  if (next.soakingSince === undefined) {
    if (next.successesInRow >= policy.successes)
      return soak({ ...next, soakingSince: elapsedSeconds }, isHealthy, elapsedSeconds, policy);
    if (elapsedSeconds < policy.timeoutSeconds) return { kind: 'wait', probation: next };
    const message = `not healthy within ${policy.timeoutSeconds} s: ${detail}`;
    return { kind: 'unhealthy', code: 'health-timeout', message };
  }
  // As many failures in a row as successes were asked for: one lost probe is not a lost service.
  if (next.failuresInRow >= policy.successes) {
    return {
      kind: 'unhealthy',
      code: 'health-lost',
      message: `healthy at first, then ${next.failuresInRow} times not: ${detail}`,
    };
  }
  return soak(next, isHealthy, elapsedSeconds, policy);
}

function soak(probation: Probation, isHealthy: boolean, elapsed: number, policy: HealthPolicy): ProbationVerdict {
  const isOver = isHealthy && elapsed - (probation.soakingSince ?? elapsed) >= policy.soakSeconds;
  return isOver ? { kind: 'healthy' } : { kind: 'wait', probation };
}
