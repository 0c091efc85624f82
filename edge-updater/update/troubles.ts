/**
 * Lists what stands in a device's way now, from facts that were just gathered. The next check tells it, also when no
 * release was offered. A trouble is there as long as its cause is.
 */
import type { Trouble } from '../../contract/device-api/check.ts';
import { faultOf } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { describeLastWords, type LastWords } from './last-words.ts';
import { spareBytes } from './room.ts';
import { maskSecrets } from './secrets.ts';
import type { Held } from './state.ts';

export interface Problem {
  readonly code: string;
  readonly message: string;
  /** RFC 3339, where that is known; else it began when it was first seen. */
  readonly since?: string;
}

export interface DeviceCondition {
  /** Of the running release; undefined where none should run now. */
  readonly service: { readonly isActive: boolean; readonly detail: string; readonly words: LastWords } | undefined;
  readonly damage: string | undefined;
  /** Why it is not known what K3s or K0s runs here. */
  readonly box: Problem | undefined;
  /** It can neither go forward nor back by itself. */
  readonly stranded?: Problem | undefined;
  /** Of a try to write, or undefined where it went well. */
  readonly disk: Problem | undefined;
  /** Bytes that are free where a reserve has to be kept, if they are fewer than it. */
  readonly shortOf: number | undefined;
  /** The journal could not take the last change. */
  readonly journal: Problem | undefined;
  readonly clock: Problem | undefined;
  /** The trusted set on the disk. */
  readonly trust: Problem | undefined;
  /** Why the last offer did not become an attempt. */
  readonly offer: Problem | undefined;
  readonly held: readonly Held[];
}

/** The worst first. */
export function problemsOf(condition: DeviceCondition): Problem[] {
  const { service, damage, shortOf } = condition;
  const found: (Problem | undefined)[] = [
    condition.stranded,
    service && !service.isActive
      ? { code: 'service-not-running', message: `${service.detail}; ${describeLastWords(service.words)}` }
      : undefined,
    damage === undefined ? undefined : { code: 'slot-damaged', message: damage },
    condition.box,
    condition.disk,
    condition.journal,
    shortOf !== undefined
      ? { code: 'disk-full', message: `${shortOf} bytes are free, ${spareBytes} are kept in reserve` }
      : undefined,
    condition.clock,
    condition.trust,
    condition.offer,
    ...condition.held
      .toReversed()
      .map(({ code, message, version, since }) => ({ code, message: `${version}: ${message}`, since })),
  ];
  return found.filter((problem) => problem !== undefined);
}

/**
 * Each code once, with the time since when it is there.
 * @param before of the check before this one
 * @param at the device's own clock, RFC 3339
 */
export function troublesOf(problems: readonly Problem[], before: readonly Trouble[], at: string): Trouble[] {
  const first = problems.filter(({ code }, index) => problems.findIndex((other) => other.code === code) === index);
  return first.slice(0, limits.maxTroubles).map(({ code, message, since }) => ({
    code,
    fault: faultOf(code),
    message: maskSecrets(message).slice(0, limits.maxTroubleMessage),
    since: since ?? before.find((trouble) => trouble.code === code)?.since ?? at,
  }));
}
