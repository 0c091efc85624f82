/**
 * Holds releases that this device could not take for a reason of its own or of the path. Nothing is known against them,
 * so each is tried again, later and later where a try costs something.
 */
import { type Fault, faultOf } from '../../contract/errors.ts';
import type { Moment } from './event.ts';
import { updateLimits } from './limits.ts';
import type { Attempt, DeviceState, Failure, Held } from './state.ts';

const maxHoldSeconds = 24 * 3600;
const hourSeconds = 3600;
const pollsAfterSwitch = 4;

/** A failure without a code is a person's wish: it is about the release. */
export function faultOfFailure({ code }: Failure): Fault {
  return code === undefined ? 'release' : faultOf(code);
}

/**
 * Seconds until the release is tried again; 0: at the next poll.
 * @param count ends in a row of this release that cost something, this one included; 0: this one cost nothing
 * @param hasSwitched the service was restarted twice for it
 */
export function holdSeconds(count: number, pollSeconds: number, hasSwitched: boolean): number {
  const grown = count === 0 ? 0 : pollSeconds * (2 ** Math.min(count - 1, 30) - 1);
  const least = hasSwitched ? Math.min(hourSeconds, pollsAfterSwitch * pollSeconds) : 0;
  return Math.min(Math.max(grown, least), maxHoldSeconds);
}

/** @param hasSwitched the attempt ended after the switch */
export function withHold(
  state: DeviceState,
  attempt: Attempt,
  failure: Failure & { readonly code: string },
  { at, pollSeconds }: Moment,
  hasSwitched: boolean,
): DeviceState {
  const { manifestSha256, version } = attempt.release;
  const earlier = state.held.find((entry) => entry.manifestSha256 === manifestSha256);
  const hasCost = hasSwitched || attempt.transfer.bytesOnWire > 0;
  const count = (earlier?.count ?? 0) + (hasCost ? 1 : 0);
  const seconds = hasCost ? holdSeconds(count, pollSeconds, hasSwitched) : 0;
  const entry: Held = {
    manifestSha256,
    version,
    count,
    at,
    code: failure.code,
    message: failure.message,
    since: earlier?.code === failure.code ? earlier.since : at,
    ...(seconds === 0 ? {} : { notBefore: new Date(Date.parse(at) + seconds * 1000).toISOString() }),
  };
  return { ...state, held: [...withoutHold(state, manifestSha256).held, entry].slice(-updateLimits.maxHeld) };
}

export function withoutHold(state: DeviceState, manifestSha256: string): DeviceState {
  return { ...state, held: state.held.filter((entry) => entry.manifestSha256 !== manifestSha256) };
}

/**
 * Why a release is not tried yet; undefined where it may be. A time farther ahead than any hold lasts was written by a
 * clock that was wrong.
 * @param now milliseconds since 1970
 */
export function holdOn(state: DeviceState, manifestSha256: string, now: number): Held | undefined {
  const entry = state.held.find((held) => held.manifestSha256 === manifestSha256);
  if (entry?.notBefore === undefined) return undefined;
  const ahead = Date.parse(entry.notBefore) - now;
  return ahead > 0 && ahead <= maxHoldSeconds * 1000 ? entry : undefined;
}

export function describeHold({ version, code, message, notBefore }: Held): string {
  return `${version} is held (${code}: ${message}), the next try is ${notBefore === undefined ? 'at the next check' : `not before ${notBefore}`}`;
}
