/** Runs a program and measures it: wall time, CPU time and peak memory of it and the processes it starts (Linux). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';

export interface Measured {
  readonly seconds: number;
  /** Of it and all processes that it started and waited for. */
  readonly cpuSeconds: number;
  /** Largest sum over the processes alive at one time, sampled; at least the peak of each. */
  readonly peakRssBytes: number;
}

const sampleMs = 10;
const pageBytes = 4096;
const ticksPerSecond = 100;

/** One at a time: CPU is what the children of this process used meanwhile. @throws Error with what it said when it fails */
export async function measuredRun(command: string, args: readonly string[]): Promise<Measured> {
  const begin = performance.now();
  const usedBefore = childSeconds();
  // A process group of its own: by it the processes that it starts are found.
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000);
  });
  let peakRssBytes = 0;
  const sample = () => {
    let sum = 0;
    for (const process of processesOf(child.pid ?? -1)) {
      sum += process.rssBytes;
      peakRssBytes = Math.max(peakRssBytes, process.peakBytes);
    }
    peakRssBytes = Math.max(peakRssBytes, sum);
  };
  const timer = setInterval(sample, sampleMs);
  try {
    const [status, signal] = (await once(child, 'close')) as [number | null, string | null];
    if (status !== 0) throw new Error(`${command} ended with ${signal ?? status}: ${said}`);
  } finally {
    clearInterval(timer);
  }
  const seconds = (performance.now() - begin) / 1000;
  return { seconds, cpuSeconds: childSeconds() - usedBefore, peakRssBytes };
}

/** cutime and cstime of proc(5): children that were waited for, with those that they waited for. */
function childSeconds(): number {
  const fields = fieldsOf('self');
  return (Number(fields[13]) + Number(fields[14])) / ticksPerSecond;
}

/** Fields after the command, which may hold anything: proc(5) counts from the state as field 3. */
function fieldsOf(process: string): string[] {
  const stat = readText(`/proc/${process}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function* processesOf(group: number) {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const fields = fieldsOf(name);
    if (Number(fields[2]) !== group) continue;
    const peak = /VmHWM:\s+(\d+) kB/.exec(readText(`/proc/${name}/status`))?.[1];
    yield {
      rssBytes: Number(fields[21]) * pageBytes,
      peakBytes: Number(peak ?? 0) * 1024,
    };
  }
}

/** Empty for a process that has ended meanwhile. */
function readText(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
