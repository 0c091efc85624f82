/**
 * Tells one machine that reboots from two that have one identity. A boot id is never used again, so one that comes back
 * after another was seen means that both are alive. The one that was seen first stays, the later one is refused. Pure.
 */
import type { CheckRequest, MachineFacts } from '../../../contract/device-api/check.ts';

interface SeenBoot extends MachineFacts {
  /** Milliseconds since 1970. */
  readonly since: number;
}

export interface MachineWatch {
  /** The machine that was seen first. */
  readonly owner: string;
  /** Oldest first; the last one is admitted now. */
  readonly boots: readonly SeenBoot[];
  /** Of machines that are refused. */
  readonly refused: readonly MachineFacts[];
  /** When two were found last; absent before. */
  readonly sharedAt?: number;
}

/** What one check shows. A check that is recorded keeps the watch. */
export interface Watched {
  /** The same object where nothing changes. */
  readonly watch: MachineWatch | undefined;
  readonly isRefused: boolean;
  /** It was found just now. */
  readonly isFound: boolean;
}

/** As views show it: an ISO instant, or nothing where one machine asks. */
export function sharedSince(watch: MachineWatch | undefined): { identitySharedAt?: string } {
  return watch?.sharedAt === undefined ? {} : { identitySharedAt: new Date(watch.sharedAt).toISOString() };
}

const keptBoots = 8;
const keptRefused = 16;
/** A request from before a reboot may arrive after it. */
const strayMs = 60_000;

export function watchCheck(watch: MachineWatch | undefined, check: CheckRequest, at: number): Watched {
  return watchMachine(watch, check.schemaVersion === 1 ? undefined : check.machine, at);
}

/** @param told undefined from an updater that does not tell */
export function watchMachine(watch: MachineWatch | undefined, told: MachineFacts | undefined, at: number): Watched {
  const unchanged = { watch, isRefused: false, isFound: false };
  if (told === undefined) return unchanged;
  if (watch === undefined) {
    return { ...unchanged, watch: { owner: told.id, boots: [{ ...told, since: at }], refused: [] } };
  }
  const { owner, boots, refused } = watch;
  const isKnownStranger = refused.some(({ id }) => id === told.id) && told.id !== owner;
  if (isKnownStranger || refused.some(({ boot }) => boot === told.boot)) return { ...unchanged, isRefused: true };
  // So far only reports have shown that there are two.
  if (boots.length === 0) return { ...unchanged, watch: { ...watch, owner: told.id, boots: [{ ...told, since: at }] } };
  const current = boots.at(-1);
  const earlier = boots.find(({ boot }) => boot === told.boot);
  if (current === undefined || earlier === undefined) {
    return { ...unchanged, watch: { ...watch, boots: [...boots, { ...told, since: at }].slice(-keptBoots) } };
  }
  if (earlier === current || at - current.since < strayMs) return unchanged;
  const isRightful = !(current.id === owner && earlier.id !== owner);
  const later = isRightful ? current : earlier;
  const found: MachineWatch = {
    owner,
    boots: boots
      .filter(({ boot }) => boot !== later.boot)
      .sort((a, b) => Number(a === earlier) - Number(b === earlier)),
    refused: [...refused, { id: later.id, boot: later.boot }].slice(-keptRefused),
    sharedAt: at,
  };
  return { watch: found, isRefused: !isRightful, isFound: true };
}
