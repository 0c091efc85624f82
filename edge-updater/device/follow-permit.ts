/** Goes back to the previous release by a permit. A permit that does not hold changes nothing and is reported. */
import { SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import type { SignedPermit } from '../../contract/trust/permit.ts';
import type { FetchMetadata } from '../../contract/trust/trusted-set.ts';
import { believePermit } from '../trust/believe-permit.ts';
import { blamingClock } from '../trust/clock-trouble.ts';
import type { FinishedAttempt } from '../update/state.ts';
import type { DeviceCore, Effort } from './device-core.ts';
import { isLasting } from './take-offer.ts';
import { requireWayBack } from './way-back.ts';

/** @throws SlipwayError `permit-…`, `nothing-to-roll-back-to`, codes of trust */
export async function followPermit(
  core: DeviceCore,
  { rollout, permit }: { readonly rollout: string; readonly permit: SignedPermit },
  { signal, patience }: Effort,
): Promise<FinishedAttempt> {
  const { timed, machine, outbox, world } = core;
  const attemptId = world.clock.newId();
  const permitId = await believedHere(core, permit, rollout, signal).catch((thrown) => {
    const { code, message } = toSlipwayError(thrown);
    if (isLasting(thrown)) machine.dispatch({ kind: 'permit-refused', attemptId, rollout, code, message });
    throw thrown;
  });
  await timed.endWait(`the rollout ${rollout} sends the device back`, signal, patience);
  await outbox.during(signal, () => {
    const event = { kind: 'permit-accepted', attemptId, permitId, rollout } as const;
    return timed.do(event, signal, patience);
  });
  return timed.finished(attemptId);
}

/** @returns the id of the permit */
async function believedHere(
  { machine, facts, server, metadata: store, world }: DeviceCore,
  permit: SignedPermit,
  rollout: string,
  signal: AbortSignal,
): Promise<string> {
  const { current, usedPermits: used = [] } = machine.state;
  const { deviceId, product } = facts;
  if (!current) throw new SlipwayError('nothing-to-roll-back-to', 'there is no release on this device');
  const holder = { deviceId, product, rollout, current: current.manifestSha256, used };
  const metadata: FetchMetadata = (name, maxBytes) => server.metadata(name, maxBytes, signal);
  const { id } = await blamingClock(
    () => server.heardTime,
    () => believePermit(permit, holder, metadata, store, world.clock.now()),
  );
  requireWayBack(machine.state, world);
  return id;
}
