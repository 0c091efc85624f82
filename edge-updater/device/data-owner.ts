/** Reads whose the data of an adopted box is, for what is decided after a restart. */
import type { Digest } from '../../contract/digest.ts';
import { toSlipwayError } from '../../contract/errors.ts';
import type { World } from '../effects/world.ts';

/** An actor that does not answer leaves it unknown: the journal alone decides then. */
export async function ownerOf({ data, narrator }: World): Promise<Digest | undefined> {
  try {
    return await data?.owner();
  } catch (thrown) {
    const { code, message } = toSlipwayError(thrown);
    narrator.warn(code, message);
    return undefined;
  }
}
