/** Gives a device labels on a person's word, over those that it says of itself, and puts that on record. */
import { givenLabelsSchema, type Labels } from '../../../contract/device-api/labels.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { type DecisionContext, deviceLabelled } from '../../events/audit.ts';
import { outOfReach } from '../access/authorise.ts';
import type { Sight } from '../access/sight.ts';
import { unknownDevice } from '../identity/dismissal.ts';
import type { FleetState } from '../ports.ts';

/**
 * @param changes null takes a label away that was given before; the device's own then counts again
 * @param sight of who asks; the device stays inside
 * @returns all that it is given now
 * @throws SlipwayError `device-unknown`, `out-of-reach`, `usage` for more labels than a device may have
 */
export async function changeGivenLabels(
  fleet: Pick<FleetState, 'findDevice' | 'giveLabels'>,
  id: string,
  changes: Readonly<Record<string, string | null>>,
  said: DecisionContext,
  sight?: Sight,
): Promise<Labels> {
  const device = await fleet.findDevice(id);
  if (!device) throw unknownDevice(id);
  const changed = Object.entries({ ...device.givenLabels, ...changes }).filter(([, value]) => value !== null);
  const labels = givenLabelsSchema.safeParse(Object.fromEntries(changed));
  if (!labels.success) throw new SlipwayError('usage', `device ${id}: ${labels.error.issues[0]?.message}`);
  if (sight && !sight.seesDevice({ ...device, givenLabels: labels.data })) {
    throw outOfReach(
      `these labels would take device ${id} to where this token does not reach`,
      'Use a token without bounds.',
    );
  }
  if (!(await fleet.giveLabels(id, labels.data, deviceLabelled(id, changes, said)))) throw unknownDevice(id);
  return labels.data;
}
