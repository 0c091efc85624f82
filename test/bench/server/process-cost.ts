/** What running processes have used so far, by proc(5). */
import { readFileSync } from 'node:fs';

const ticksPerSecond = 100;

/** CPU time of a process and of the children that it has now: a master with its workers. */
export function cpuSecondsOf(pid: number): number {
  return [pid, ...childrenOf(pid)].map(ownSeconds).reduce((sum, one) => sum + one, 0);
}

/** Resident memory. */
export function residentBytes(pid: number): number {
  const [, kibibytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

/** Fields after the command, which may hold anything: utime and stime are 14 and 15 of all. */
function ownSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
