/** Probes the service until the verdict is in. */
import type { HealthProbe, HealthResult, ServiceCondition } from '../ports.ts';
import { freshProbation, type HealthPolicy, judgeHealth, type ProbationVerdict } from '../update/probation.ts';
import type { World } from './world.ts';

export async function probeHealth(
  { service, health, clock, narrator, heartbeat, policy }: World,
  rules: HealthPolicy,
  phase: 'probation' | 'rolling-back',
  signal: AbortSignal,
): Promise<Exclude<ProbationVerdict, { kind: 'wait' }>> {
  const startedAt = clock.monotonicSeconds();
  let probation = freshProbation;
  health.begin?.();
  for (;;) {
    const condition = await service.condition();
    const result = condition.isActive ? await health.probe(signal) : await whyNotActive(condition, health, signal);
    signal.throwIfAborted();
    const elapsedSeconds = clock.monotonicSeconds() - startedAt;
    // Going back ends in time whatever is elsewhere: the old release runs by then.
    const isUndecided = result.isUndecided && phase === 'probation';
    const sample = { ...result, isUndecided, crashes: condition.crashes, elapsedSeconds };
    const verdict = judgeHealth(probation, sample, rules);
    if (verdict.kind === 'healthy') return result.evidence ? { ...verdict, evidence: result.evidence } : verdict;
    if (verdict.kind === 'unhealthy') return verdict;
    const stage = verdict.probation.soakingSince === undefined ? 'waiting for health' : 'soaking';
    narrator.state(phase, `${isUndecided ? 'waiting for its server' : stage}: ${result.detail}`);
    // That may take days, in which the device is not silent.
    if (isUndecided) heartbeat?.beat(signal);
    probation = verdict.probation;
    await clock.sleep(policy.healthIntervalSeconds, signal);
  }
}

/** An agent is not ready, to systemd either, until its server has answered. */
async function whyNotActive(
  { isStarting, detail }: ServiceCondition,
  health: HealthProbe,
  signal: AbortSignal,
): Promise<HealthResult> {
  const elsewhere = isStarting ? await health.waitsFor?.(signal) : undefined;
  if (elsewhere === undefined) return { isHealthy: false, detail };
  return { isHealthy: false, isUndecided: true, detail: `${detail}; ${elsewhere}` };
}
