/**
 * Takes the public key of a device, which the device keeps for good: another key is another machine, until somebody
 * forgets the device.
 */
import { deviceKeyIdOf } from '../../../contract/device-api/signed-request.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { deviceKeyRegistered } from '../../events/audit.ts';
import type { FleetState } from '../ports.ts';
import { unknownDevice } from './dismissal.ts';

/** @returns the id of the key @throws SlipwayError `device-unknown`, `identity-shared` */
export async function registerDeviceKey(
  fleet: Pick<FleetState, 'registerKey'>,
  id: string,
  publicKey: string,
  at: number,
): Promise<string> {
  const keyId = deviceKeyIdOf(publicKey);
  const outcome = await fleet.registerKey(id, publicKey, deviceKeyRegistered(id, keyId, at));
  if (outcome === 'unknown') throw unknownDevice(id);
  if (outcome !== 'another-key') return keyId;
  throw new SlipwayError('identity-shared', `device ${id} has another key already`, {
    hint: 'Two machines may have one state folder: give one of them a deviceId and an enrolment token of its own. Forget the device where it lost its key.',
  });
}
