/** Computes how long to wait before the same thing is tried again. Randomness comes in as a number in [0, 1). */

export interface Backoff {
  readonly baseSeconds: number;
  readonly capSeconds: number;
}

/** Full jitter: anything between nothing and the doubled base, capped. @param failures 1 after the first failure */
export function retryDelaySeconds({ baseSeconds, capSeconds }: Backoff, failures: number, random: number): number {
  return random * Math.min(capSeconds, baseSeconds * 2 ** Math.min(failures - 1, 30));
}

/**
 * Seconds of a Retry-After header (RFC 9110 10.2.3: delay or date), at most `capSeconds`; undefined where it has none.
 * @param now milliseconds since 1970
 */
export function retryAfterSeconds(header: string | undefined, now: number, capSeconds: number): number | undefined {
  if (header === undefined) return undefined;
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - now) / 1000;
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(seconds, 0), capSeconds);
}

/** The next poll: the interval, moved by up to `jitterPercent` in both directions. */
export function pollDelaySeconds(intervalSeconds: number, jitterPercent: number, random: number): number {
  return intervalSeconds * (1 + ((random * 2 - 1) * jitterPercent) / 100);
}
