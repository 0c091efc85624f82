/**
 * Encodes parts in processes of their own, as many at a time as there are cores and memory for. Processes stay for the
 * next task, unless the last one was large: then its memory goes back with it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SlipwayError } from '../../../contract/errors.ts';
import type { PartCode, PartEncoders, PartTask } from '../ports.ts';

/** A process that did a larger task than this is not used again. */
const largeTaskBytes = 256 * 1024 * 1024;

interface QueuedTask {
  readonly task: PartTask;
  readonly memoryBytes: number;
  readonly resolve: (code: PartCode) => void;
  readonly reject: (error: Error) => void;
}

type EncoderAnswer = { readonly code: PartCode } | { readonly failure: string };

/** @param processes at a time @param maxMemoryBytes of all of them together; a larger task runs alone */
export function partEncoderProcesses(processes: number, maxMemoryBytes: number): PartEncoders {
  const waiting: QueuedTask[] = [];
  const idle: ChildProcess[] = [];
  const all = new Set<ChildProcess>();
  let running = 0;
  let memoryBytes = 0;

  const start = () => {
    while (running < processes) {
      const at = waiting.findIndex((next) => running === 0 || memoryBytes + next.memoryBytes <= maxMemoryBytes);
      const [next] = at < 0 ? [] : waiting.splice(at, 1);
      if (next === undefined) return;
      run(next);
    }
  };
  const run = (next: QueuedTask) => {
    running++;
    memoryBytes += next.memoryBytes;
    const child = idle.pop() ?? newChild(all);
    const end = (outcome: EncoderAnswer) => {
      child.removeAllListeners();
      running--;
      memoryBytes -= next.memoryBytes;
      if (!child.connected || next.memoryBytes > largeTaskBytes || 'failure' in outcome) discard(child, all);
      else idle.push(child);
      if ('code' in outcome) next.resolve(outcome.code);
      else next.reject(new SlipwayError('internal', `no code for a part: ${outcome.failure}`));
      start();
    };
    child.once('message', (answer) => end(answer as EncoderAnswer));
    child.once('error', (error) => end({ failure: error.message }));
    child.once('exit', (status, signal) => end({ failure: `the encoder ended with ${signal ?? status}` }));
    child.send(next.task);
  };
  return {
    maxMemoryBytes,
    encode: (task, needed) =>
      new Promise((resolve, reject) => {
        waiting.push({ task, memoryBytes: needed, resolve, reject });
        start();
      }),
    close() {
      for (const child of all) discard(child, all);
    },
  };
}

function newChild(all: Set<ChildProcess>): ChildProcess {
  const child = fork(childProgram(), [], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  all.add(child);
  return child;
}

function discard(child: ChildProcess, all: Set<ChildProcess>): void {
  all.delete(child);
  child.removeAllListeners();
  child.on('error', () => undefined);
  child.kill();
}

/** The program beside this file: its source in development, its bundle in a shipped packager. */
function childProgram(): string {
  const name = import.meta.url.endsWith('.ts') ? 'part-encoder-child.ts' : 'slipway-part-encoder-child.mjs';
  return fileURLToPath(new URL(name, import.meta.url));
}
