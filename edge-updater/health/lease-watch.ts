/**
 * Watches the lease of a Node: its kubelet renews it each few seconds. That it was renewed since the start is seen by its
 * change, so that neither a wrong clock nor a lease of before the start counts. Pure.
 */

export interface LeaseWatch {
  readonly renewTime: string;
  /** Seconds on a monotonic clock when this time was seen first. */
  readonly seenAt: number;
  /** It changed since the watch began: the kubelet that runs now renewed it. */
  readonly isRenewed: boolean;
}

/** Where the lease does not say; the kubelet's default. */
const usualSeconds = 40;

export function watchLease(before: LeaseWatch | undefined, renewTime: string, now: number): LeaseWatch {
  if (before?.renewTime === renewTime) return before;
  return { renewTime, seenAt: now, isRenewed: before !== undefined };
}

/** @returns what is wrong with it, or undefined */
export function staleness(watch: LeaseWatch, durationSeconds = usualSeconds, now: number): string | undefined {
  const seconds = Math.round(now - watch.seenAt);
  if (!watch.isRenewed) return `its lease of ${watch.renewTime} was not renewed since the start`;
  return seconds > durationSeconds ? `its lease was not renewed for ${seconds} s` : undefined;
}
