/** Reads from a verified set of documents when each role's signed metadata ends. */

import { isBinRole } from '../../contract/trust/hash-bins.ts';

/** Milliseconds since 1970, by role. */
export type Expiries = ReadonlyMap<string, number>;

/** A hash bin is signed with the role of its product or later, and is not told apart. */
export function expiriesOf(documents: ReadonlyMap<string, Uint8Array>): Expiries {
  const found = new Map<string, number>();
  for (const [role, bytes] of documents) {
    if (isBinRole(role)) continue;
    const { signed } = JSON.parse(new TextDecoder().decode(bytes)) as { signed: { expires: string } };
    found.set(role, Date.parse(signed.expires));
  }
  return found;
}
