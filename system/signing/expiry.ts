/**
 * Says how long each role's signature holds, and computes the instants that follow from a clock that the caller passes.
 */

/** Days, by the kind of role: offline roles long, online ones short (a freeze attack lasts no longer than these). */
const lifetimeDays = { root: 365, targets: 180, product: 60, snapshot: 7, timestamp: 1 } as const;
export type RoleKind = keyof typeof lifetimeDays;

const dayMs = 24 * 3600 * 1000;

/** RFC 3339 in whole seconds, UTC (TUF 4.2.1). */
export function expiryAt(kind: RoleKind, now: Date): string {
  const wholeSeconds = Math.floor(now.getTime() / 1000) * 1000;
  return new Date(wholeSeconds + lifetimeDays[kind] * dayMs).toISOString().replace('.000Z', 'Z');
}

export function isExpired(expires: string, now: Date): boolean {
  return now.getTime() >= Date.parse(expires);
}

/** True when less than half of the lifetime is left: time to sign again. */
export function isHalfSpent(kind: RoleKind, expires: string, now: Date): boolean {
  return Date.parse(expires) - now.getTime() < (lifetimeDays[kind] * dayMs) / 2;
}
