/** Reads from a verified set of documents when each role's signed metadata ends. */

/** Milliseconds since 1970, by role. */
export type Expiries = ReadonlyMap<string, number>;

export function expiriesOf(documents: ReadonlyMap<string, Uint8Array>): Expiries {
  const found = new Map<string, number>();
  for (const [role, bytes] of documents) {
    const { signed } = JSON.parse(new TextDecoder().decode(bytes)) as { signed: { expires: string } };
    found.set(role, Date.parse(signed.expires));
  }
  return found;
}
