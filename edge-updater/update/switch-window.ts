/**
 * Computes when a switch may begin, on the monotonic clock of this process. The answer's seconds count from some
 * instant between asking and hearing, so a window is taken as opening late and closing early: never outside what the
 * server meant.
 */
import type { SwitchWindow } from '../../contract/device-api/check.ts';

/** Monotonic seconds; empty where it closes before it opens. */
export interface SwitchTime {
  readonly opensAt: number;
  /** Exclusive. */
  readonly closesAt: number;
}

/** @param window undefined: the offer binds the switch to no time */
export function switchTimeOf(window: SwitchWindow | undefined, askedAt: number, heardAt: number): SwitchTime {
  if (!window) return { opensAt: Number.NEGATIVE_INFINITY, closesAt: Number.POSITIVE_INFINITY };
  return { opensAt: heardAt + window.opensInSeconds, closesAt: askedAt + window.closesInSeconds };
}

/** @param time undefined: no window was named to this process */
export function isOpen(time: SwitchTime | undefined, now: number): boolean {
  return time !== undefined && time.opensAt <= now && now < time.closesAt;
}

/** An update that rests in `staged`; without seconds where the server has to be asked anew. */
export interface WaitForWindow {
  readonly version: string;
  /** 0 or less: open. */
  readonly opensInSeconds?: number;
  readonly closesInSeconds?: number;
}

export function waitingUntil(version: string, time: SwitchTime | undefined, now: number): WaitForWindow {
  if (time === undefined || now >= time.closesAt || !Number.isFinite(time.closesAt)) return { version };
  return { version, opensInSeconds: time.opensAt - now, closesInSeconds: time.closesAt - now };
}

export function describeWaiting({ version, opensInSeconds, closesInSeconds }: WaitForWindow): string {
  if (opensInSeconds === undefined || closesInSeconds === undefined)
    return `${version} waits for the server to name a window`;
  const opens = opensInSeconds > 0 ? `opens in ${Math.ceil(opensInSeconds)} s` : 'is open';
  return `${version} waits for its window, which ${opens} and closes in ${Math.floor(closesInSeconds)} s`;
}

const maxSpreadSeconds = 60;
const spreadShare = 0.1;

/**
 * Seconds until an update that waits should be looked at; infinite where no window lies ahead. A fleet waits for one
 * moment: each device comes a little later, by its own chance in [0, 1), but well inside the window.
 */
export function wakeForWindow(waiting: WaitForWindow | undefined, chance: number): number {
  const { opensInSeconds, closesInSeconds } = waiting ?? {};
  if (opensInSeconds === undefined || closesInSeconds === undefined || opensInSeconds <= 0) {
    return Number.POSITIVE_INFINITY;
  }
  return opensInSeconds + chance * Math.min(maxSpreadSeconds, (closesInSeconds - opensInSeconds) * spreadShare);
}
