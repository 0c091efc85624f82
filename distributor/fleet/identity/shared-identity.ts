/** Says to a machine that it has the identity of another one, wherever that shows. */
import type { DeviceId } from '../../../contract/device-api/device-id.ts';
import { SlipwayError } from '../../../contract/errors.ts';

export function sharedIdentity(id: DeviceId): SlipwayError {
  return new SlipwayError('identity-shared', `another machine asks as device ${id}, and was there first`, {
    hint: 'Give this machine a deviceId and an enrolment token of its own; slipway-distributor device accept takes it instead of the other one.',
  });
}
