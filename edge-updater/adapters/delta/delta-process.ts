/** Applies deltas in a child process, whose program lies beside this one; see apply-delta-child.ts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { SlipwayError } from '../../../contract/errors.ts';
import { type ApplyMessage, type ApplyRequest, applyMessageSchema } from '../../delta/apply-message.ts';
import type { DeltaMeans } from '../../delta/delta-means.ts';
import type { DeltaApplier, DeltaCost, DeltaFiles } from '../../ports.ts';

/** The young generation stays small and one recipe fits the old one; what is large lies outside of V8's heap. */
const nodeOptions = ['--max-semi-space-size=1', '--max-old-space-size=64', '--no-warnings'];
/** glibc keeps a heap a thread otherwise, most of it unused. */
const environment = { MALLOC_ARENA_MAX: '1', UV_THREADPOOL_SIZE: '1' };
const maxWords = 2000;

export function deltaProcess({ zstdPrograms, maxEncoderThreads }: Omit<DeltaMeans, 'maxMemoryBytes'>): DeltaApplier {
  const own = { zstdPrograms, maxEncoderThreads };
  return {
    async *apply(files, maxMemoryBytes, signal): AsyncGenerator<Uint8Array, DeltaCost> {
      const run = start(files, { ...own, maxMemoryBytes }, signal, 'pipe');
      try {
        yield* run.child.stdout as AsyncIterable<Uint8Array>;
        return await run.cost();
      } finally {
        await run.end();
      }
    },
  };
}

/**
 * Applies a delta into an open file: the bytes do not pass through this process, which has to check the file
 * afterwards.
 * @throws SlipwayError as DeltaApplier does
 */
export async function applyInto(
  target: number,
  files: DeltaFiles,
  means: DeltaMeans,
  signal: AbortSignal,
): Promise<DeltaCost> {
  const run = start(files, means, signal, target);
  try {
    return await run.cost();
  } finally {
    await run.end();
  }
}

interface ProcessRun {
  readonly child: ChildProcess;
  /** Waits for the end of the process and its verdict. */
  cost(): Promise<DeltaCost>;
  /** Ends the process where it still runs. */
  end(): Promise<void>;
}

/** @param target where the new file goes: a pipe to this process, or a descriptor */
function start(files: DeltaFiles, means: DeltaMeans, signal: AbortSignal, target: 'pipe' | number): ProcessRun {
  signal.throwIfAborted();
  const request: ApplyRequest = { ...files, ...means, zstdPrograms: [...means.zstdPrograms], parent: process.pid };
  const child = spawn(process.execPath, [...nodeOptions, childProgram(), JSON.stringify(request)], {
    stdio: ['ignore', target, 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  const ended = endOf(child);
  const verdict = textOf(child.stdio[3] as Readable);
  const complaint = textOf(child.stderr as Readable);
  const kill = () => child.kill('SIGKILL');
  signal.addEventListener('abort', kill);
  return {
    child,
    async cost() {
      const end = await ended;
      signal.throwIfAborted();
      return judge(await verdict, await complaint, end);
    },
    async end() {
      signal.removeEventListener('abort', kill);
      kill();
      await ended;
    },
  };
}

/** The program beside this file: its source in development, its bundle in a shipped updater. */
function childProgram(): string {
  const name = import.meta.url.endsWith('.ts') ? 'apply-delta-child.ts' : 'slipway-edge-delta.mjs';
  return fileURLToPath(new URL(name, import.meta.url));
}

/** How it ended, in words; undefined where it ended well. */
async function endOf(child: ChildProcess): Promise<string | undefined> {
  try {
    const [status, signal] = (await once(child, 'exit')) as [number | null, string | null];
    if (status === 0) return undefined;
    return signal === null ? `exit status ${status}` : `killed by ${signal}, memory may be short`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function textOf(stream: Readable): Promise<string> {
  let text = '';
  stream.setEncoding('utf8');
  try {
    for await (const piece of stream) text = (text + piece).slice(-maxWords);
  } catch {
    // A process that never started has no streams worth reading.
  }
  return text.trim();
}

function judge(verdict: string, complaint: string, end: string | undefined): DeltaCost {
  const message = parse(verdict);
  if (message?.kind === 'applied' && end === undefined) {
    const { kind: _, ...cost } = message;
    return cost;
  }
  if (message?.kind === 'failed') {
    const { code, message: text, hint } = message;
    throw new SlipwayError(code, text, { hint });
  }
  const words = [end ?? 'ended without a word', complaint].filter((part) => part !== '').join(': ');
  throw new SlipwayError('delta-process-failed', `the process that applies the delta: ${words}`, {
    hint: 'Look for out-of-memory kills; slipway-edge-delta.mjs belongs beside slipway-edge.mjs.',
  });
}

function parse(verdict: string): ApplyMessage | undefined {
  try {
    return applyMessageSchema.parse(JSON.parse(verdict));
  } catch {
    return undefined;
  }
}
