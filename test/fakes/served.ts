/** A distributor as its own process, as an operator starts it: to be killed, started again and measured. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { programFile } from '../services/program-files.ts';

const program = programFile('distributor');

export interface Served {
  readonly url: string;
  readonly port: number;
  readonly process: ChildProcess;
  /** What it printed on stdout so far, parsed. */
  readonly lines: readonly unknown[];
  /** What it said on stderr so far. */
  said(): string;
  /** Resident memory of the process now, bytes. */
  residentBytes(): number;
  /** Its exit status, or the signal that ended it. */
  end(signal: NodeJS.Signals): Promise<number | NodeJS.Signals>;
}

/** As `serve`, by a process that may have no more than so many files and connections open. */
export function serveWithin(descriptors: number, folder: string, ...more: string[]): Promise<Served> {
  const limited = ['-c', `ulimit -n ${descriptors} && exec "$0" "$@"`, process.execPath];
  return start({ command: 'sh', args: limited }, folder, 0, more);
}

/** Starts over `store`, `state` and, unless told of another source, `rollouts` in a folder; waits until it listens. */
export function serve(folder: string, port = 0, ...more: string[]): Promise<Served> {
  return start({ command: process.execPath, args: [] }, folder, port, more);
}

interface Starter {
  readonly command: string;
  readonly args: readonly string[];
}

async function start(starter: Starter, folder: string, port: number, more: readonly string[]): Promise<Served> {
  for (const name of ['store', 'rollouts']) await mkdir(path.join(folder, name), { recursive: true });
  const hasSource = more.some((word) => word.startsWith('--rollouts'));
  const started = spawn(
    starter.command,
    [
      ...starter.args,
      program,
      'serve',
      ...['--store', `file://${path.join(folder, 'store')}`],
      ...(hasSource ? [] : ['--rollouts', path.join(folder, 'rollouts')]),
      ...['--state', path.join(folder, 'state'), '--listen', `127.0.0.1:${port}`],
      ...['--log-level', 'error', '--json', ...more],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let stderr = '';
  started.stderr.on('data', (bytes) => {
    stderr += bytes;
  });
  const exited = once(started, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const line = await Promise.race([
    once(createInterface(started.stdout), 'line').then(([text]) => String(text)),
    exited.then(([status]) => {
      throw new Error(`the distributor ended with ${status} before it listened: ${stderr}`);
    }),
  ]);
  const { listening } = JSON.parse(line) as { listening: string };
  return {
    url: listening,
    port: Number(new URL(listening).port),
    process: started,
    lines: [JSON.parse(line)],
    said: () => stderr,
    residentBytes: () => residentBytes(started.pid),
    async end(signal) {
      started.kill(signal);
      const [status, by] = await exited;
      return status ?? by ?? 'SIGKILL';
    },
  };
}

/** VmRSS of proc(5), in kibibytes there. */
function residentBytes(pid: number | undefined): number {
  const [, kibibytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}
