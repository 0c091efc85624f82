/** Probes the service until the verdict is in. */
import type { HealthResult } from '../ports.ts';
import { freshProbation, type HealthPolicy, judgeHealth, type ProbationVerdict } from '../update/probation.ts';
import type { World } from './world.ts';

export async function probeHealth(
  { service, health, clock, narrator, policy }: World,
  rules: HealthPolicy,
  phase: 'probation' | 'rolling-back',
  signal: AbortSignal,
): Promise<Exclude<ProbationVerdict, { kind: 'wait' }>> {
  const startedAt = clock.monotonicSeconds();
  let probation = freshProbation;
  for (;;) {
    const condition = await service.condition();
    const result: HealthResult = condition.isActive
      ? await health.probe(signal)
      : { isHealthy: false, detail: condition.detail };
    signal.throwIfAborted();
    const elapsedSeconds = clock.monotonicSeconds() - startedAt;
    const verdict = judgeHealth(probation, { ...result, crashes: condition.crashes, elapsedSeconds }, rules);
    if (verdict.kind !== 'wait') return verdict;
    const stage = verdict.probation.soakingSince === undefined ? 'waiting for health' : 'soaking';
    narrator.state(phase, `${stage}: ${result.detail}`);
    probation = verdict.probation;
    await clock.sleep(policy.healthIntervalSeconds, signal);
  }
}
