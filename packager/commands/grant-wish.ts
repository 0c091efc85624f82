/** Reads what `bundle` is told of an offline grant. */
import { deviceIdSchema } from '../../contract/device-api/device-id.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { type KeyPlaces, readSigningKeys } from '../../system/signing/key-files.ts';
import type { GrantWish } from '../bundle/make-grant.ts';
import type { PackagerContext } from './context.ts';

interface GrantOptions extends KeyPlaces {
  readonly validFor?: string;
  readonly device?: string;
  readonly group?: string;
}

/** @returns undefined where no grant is wished. @throws SlipwayError `usage`, `key-…` */
export async function grantWishOf(options: GrantOptions, context: PackagerContext): Promise<GrantWish | undefined> {
  const { validFor, device, group } = options;
  if (validFor === undefined) {
    if (device === undefined && group === undefined) return undefined;
    throw new SlipwayError('usage', 'expected --valid-for with --device and --group', { hint: 'As --valid-for 90d.' });
  }
  const days = Number(/^(\d{1,3})d$/.exec(validFor)?.[1]);
  if (!(days >= 1 && days <= limits.maxGrantDays)) {
    throw new SlipwayError('usage', `--valid-for: expected 1d to ${limits.maxGrantDays}d, found ${validFor}`);
  }
  if (device !== undefined && !deviceIdSchema.safeParse(device).success) {
    throw new SlipwayError('usage', `--device: ${JSON.stringify(device)} is no id of a device`);
  }
  const keys = await readSigningKeys(options, context.keySurroundings, (line) => context.output.say(line));
  return {
    days,
    scope: {
      ...(device === undefined ? {} : { deviceId: device }),
      ...(group === undefined ? {} : { label: labelOf(group) }),
    },
    keys,
  };
}

function labelOf(text: string) {
  const [, name, value] = /^([^=]{1,253})=(.{0,63})$/.exec(text) ?? [];
  if (name !== undefined && value !== undefined) return { name, value };
  throw new SlipwayError('usage', `--group: expected LABEL=VALUE, found ${JSON.stringify(text)}`);
}
