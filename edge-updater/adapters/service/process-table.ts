/**
 * Reads processes as /proc shows them (proc(5)). A pid alone names nobody: it is told from its successor by the start
 * time.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { textIfReadable } from '../disk/if-readable.ts';

export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  readonly startTime: string;
  readonly bootId: string;
}

/** The process with this pid; undefined where there is none, or only its exit status is left. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = textIfReadable(`/proc/${pid}/stat`);
  if (!stat) return undefined;
  // The name in parentheses may hold spaces and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields[0], fields[19]];
  if (state === 'Z' || state === 'X' || startTime === undefined) return undefined;
  return { pid, startTime, bootId: bootId() };
}

export function isAlive({ pid, startTime, bootId: boot }: ProcessIdentity): boolean {
  const found = identify(pid);
  return found !== undefined && found.startTime === startTime && found.bootId === boot;
}

/** Leaders of sessions whose environment holds this entry, such as `NAME=value`. */
export function findByEnvironment(entry: string): ProcessIdentity[] {
  return pids().flatMap((pid) => {
    const hasEntry = textIfReadable(`/proc/${pid}/environ`)?.split('\0').includes(entry) ?? false;
    const found = hasEntry && sessionOf(pid) === pid ? identify(pid) : undefined;
    return found ? [found] : [];
  });
}

/** Of every process that there is. */
export function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Its working directory; undefined where it is gone, or belongs to somebody else. */
export function workingFolderOf({ pid }: ProcessIdentity): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

function sessionOf(pid: number): number | undefined {
  const stat = textIfReadable(`/proc/${pid}/stat`);
  return stat === undefined ? undefined : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]);
}

/** Of this boot of the machine; empty where the kernel does not say. */
export function bootId(): string {
  return textIfReadable('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}
