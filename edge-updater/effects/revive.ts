/** Tries to start over what is stranded: somebody may have put its data right, or it only took its time. */
import { toSlipwayError } from '../../contract/errors.ts';
import type { Effect } from '../update/effect.ts';
import type { UpdateEvent } from '../update/event.ts';
import { probeHealth } from './probe-health.ts';
import { startRelease } from './prove.ts';
import type { World } from './world.ts';

export async function reviveBox(
  { release }: Extract<Effect, { kind: 'revive' }>,
  world: World,
  signal: AbortSignal,
): Promise<UpdateEvent> {
  try {
    await world.data?.finishExchange();
    await startRelease(release.manifestSha256, world);
  } catch (thrown) {
    signal.throwIfAborted();
    const { code, message } = toSlipwayError(thrown);
    return { kind: 'revived', trouble: `${code}: ${message}` };
  }
  const verdict = await probeHealth(world, { ...world.policy.health, soakSeconds: 0 }, 'rolling-back', signal);
  return verdict.kind === 'healthy' ? { kind: 'revived' } : { kind: 'revived', trouble: verdict.message };
}
