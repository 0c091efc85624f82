/** Runs a program and measures it: wall time, CPU time and peak memory of it and the processes it starts (Linux). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';

export interface Measured {
  readonly seconds: number;
  /** Of all processes that ended or were seen. */
  readonly cpuSeconds: number;
  /** Largest sum over the processes alive at one time, sampled; at least the peak of each. */
  readonly peakRssBytes: number;
}

const sampleMs = 50;
const pageBytes = 4096;
const ticksPerSecond = 100;

/** @throws Error with what the program said when it fails */
export async function measuredRun(command: string, args: readonly string[]): Promise<Measured> {
  const begin = performance.now();
  // A process group of its own: by it the processes that it starts are found.
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000);
  });
  const cpu = new Map<number, number>();
  let peakRssBytes = 0;
  const sample = () => {
    let sum = 0;
    for (const process of processesOf(child.pid ?? -1)) {
      sum += process.rssBytes;
      cpu.set(process.pid, process.cpuSeconds);
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
  return { seconds, cpuSeconds: [...cpu.values()].reduce((sum, one) => sum + one, 0), peakRssBytes };
}

function* processesOf(group: number) {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readText(`/proc/${name}/stat`);
    // Fields after the command, which may hold anything: proc(5) counts from the state as field 3.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(fields[2]) !== group) continue;
    const peak = /VmHWM:\s+(\d+) kB/.exec(readText(`/proc/${name}/status`))?.[1];
    yield {
      pid: Number(name),
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
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
