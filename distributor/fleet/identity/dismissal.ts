/** Takes a device out of the fleet on a person's word, and puts that on record. */
import { SlipwayError } from '../../../contract/errors.ts';
import { type DecisionContext, deviceDismissed } from '../../events/audit.ts';
import type { FleetState } from '../ports.ts';
import type { DeviceStanding } from '../view.ts';

/** @throws SlipwayError `device-unknown` */
export async function dismissDevice(
  fleet: Pick<FleetState, 'revokeDevice' | 'forgetDevice'>,
  id: string,
  action: 'revoke' | 'forget',
  said: DecisionContext,
): Promise<DeviceStanding> {
  const event = deviceDismissed(id, action, said);
  const isKnown = await (action === 'revoke' ? fleet.revokeDevice(id, said.at, event) : fleet.forgetDevice(id, event));
  if (!isKnown) throw unknownDevice(id);
  return { id, status: action === 'revoke' ? 'revoked' : 'forgotten' };
}

export function unknownDevice(id: string): SlipwayError {
  return new SlipwayError('device-unknown', `device ${id} is not enrolled`, {
    hint: 'List the devices with slipway-distributor device ls or GET /v1/devices.',
  });
}
