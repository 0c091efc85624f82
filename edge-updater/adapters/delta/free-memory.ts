/**
 * Reads how much memory a process of this unit may still take: MemAvailable of the machine (proc_meminfo(5)), and what each control
 * group around it leaves (memory.high and memory.max of cgroup v2). Cached file contents count as free: the kernel drops them.
 */
import path from 'node:path';
import { textIfReadable } from '../disk/if-readable.ts';

/** @param proc @param groups folders, as the kernel mounts them @returns undefined where the machine does not say */
export function freeMemoryBytes(proc = '/proc', groups = '/sys/fs/cgroup'): number | undefined {
  const available = availableBytes(proc);
  return available === undefined ? undefined : Math.min(available, ...leftInGroups(proc, groups));
}

/** MemAvailable of the machine; undefined where the kernel does not say. */
export function availableBytes(proc = '/proc'): number | undefined {
  const [, kibibytes] = /^MemAvailable:\s+(\d+) kB$/m.exec(textIfReadable(path.join(proc, 'meminfo')) ?? '') ?? [];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

function leftInGroups(proc: string, groups: string): number[] {
  const [, group] = /^0::(\/.*)$/m.exec(textIfReadable(path.join(proc, 'self/cgroup')) ?? '') ?? [];
  const left: number[] = [];
  for (let at = group ?? '/'; at !== '/'; at = path.dirname(at)) {
    const numberIn = (name: string) => Number(textIfReadable(path.join(groups, at, name)) ?? Number.NaN);
    const limits = [numberIn('memory.high'), numberIn('memory.max')].filter(Number.isFinite);
    const current = numberIn('memory.current');
    if (limits.length > 0 && Number.isFinite(current)) {
      left.push(Math.min(...limits) - current + cachedIn(textIfReadable(path.join(groups, at, 'memory.stat'))));
    }
  }
  return left;
}

function cachedIn(stat = ''): number {
  return ['inactive_file', 'active_file'].reduce((sum, name) => {
    const [, bytes] = new RegExp(`^${name} (\\d+)$`, 'm').exec(stat) ?? [];
    return sum + Number(bytes ?? 0);
  }, 0);
}
