/** Decides how a device stands that enrols, and which way leads from one standing to another. Pure. */
import type { DeviceId } from '../../../contract/device-api/device-id.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { type DecisionContext, deviceDecided } from '../../events/audit.ts';
import type { FleetState } from '../ports.ts';
import type { DeviceStanding } from '../view.ts';
import { unknownDevice } from './dismissal.ts';
import type { DeviceStatus, StatusOutcome } from './identity-ports.ts';

/** How a device stands that enrols now. */
export type Acceptance = (id: DeviceId) => Promise<'accepted' | 'pending'>;

/** A revoked device comes back by a new enrolment alone, and an accepted one is ended by revoking it. */
export function afterDecision(status: DeviceStatus, wanted: 'accepted' | 'rejected'): StatusOutcome {
  if (status === wanted) return 'same';
  return status === 'pending' || (status === 'rejected' && wanted === 'accepted') ? 'done' : 'refused';
}

/** @throws SlipwayError `device-unknown`, `device-decided` */
export async function decideDevice(
  fleet: Pick<FleetState, 'decideDevice'>,
  id: DeviceId,
  status: 'accepted' | 'rejected',
  said: DecisionContext,
): Promise<DeviceStanding> {
  const outcome = await fleet.decideDevice(id, status, said.at, deviceDecided(id, status, said));
  if (outcome === 'unknown') throw unknownDevice(id);
  if (outcome !== 'refused') return { id, status };
  throw new SlipwayError('device-decided', `device ${id} cannot be ${status} any more`, {
    hint:
      status === 'accepted' ? 'It was revoked: forget it, and enrol it again.' : 'It is accepted: revoke it instead.',
  });
}
