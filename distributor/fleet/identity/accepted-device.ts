/** Says why a device that is not accepted gets nothing: one sentence for each standing, wherever it is asked. */
import { SlipwayError } from '../../../contract/errors.ts';
import type { DeviceStatus } from './identity-ports.ts';

/** @throws SlipwayError `device-pending`, `device-rejected`, `device-revoked` */
export function requireAccepted(id: string, status: DeviceStatus): void {
  switch (status) {
    case 'accepted':
      return;
    case 'pending':
      throw new SlipwayError('device-pending', `device ${id} waits until somebody accepts it`, {
        hint: `Accept it with slipway-distributor device accept ${id}; it asks again by itself.`,
      });
    case 'rejected':
      throw new SlipwayError('device-rejected', `device ${id} was not accepted`, {
        hint: `Accept it after all with slipway-distributor device accept ${id}, or forget it.`,
      });
    case 'revoked':
      throw new SlipwayError('device-revoked', `device ${id} was revoked`, {
        hint: 'An operator can forget the device, so that it may enrol again.',
      });
    default:
      status satisfies never;
  }
}
