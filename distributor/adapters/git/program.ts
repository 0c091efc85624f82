/**
 * Runs the `git` of this machine: no shell, no prompt, no configuration but ours, one protocol, bounded in time, output
 * and the disk that it fills. Decides nothing about what failed.
 */
import { spawn } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { SlipwayError } from '../../../contract/errors.ts';

export interface GitBounds {
  readonly timeoutMs: number;
  /** Of what one call prints. */
  readonly maxOutputBytes: number;
  /** Of all that the mirror holds, what is being received included. */
  readonly maxMirrorBytes: number;
}

export const gitBounds: GitBounds = {
  timeoutMs: 300_000,
  maxOutputBytes: 64 * 1024 * 1024,
  maxMirrorBytes: 1024 * 1024 * 1024,
};

interface GitCall {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly input?: string;
  /** The mirror to keep below its bound while it runs. */
  readonly watched?: string;
}

export interface GitResult {
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const watchIntervalMs = 200;
const maxStderrBytes = 64 * 1024;
const maxReasonLines = 3;

/** @throws SlipwayError `git-missing`, `git-timeout`, `git-repository-too-large`; an exit status above 0 is a result */
export async function runGit(call: GitCall, bounds: GitBounds): Promise<GitResult> {
  // A group of its own: the helpers that git starts end with it.
  const child = spawn('git', call.args, { env: call.env, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  let failure: SlipwayError | undefined;
  const stop = (error: SlipwayError) => {
    failure ??= error;
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It ended by itself meanwhile.
    }
  };
  const late = setTimeout(() => stop(timedOut(bounds)), bounds.timeoutMs);
  const watch = call.watched === undefined ? undefined : watchSize(call.watched, bounds, stop);
  const stdout: Buffer[] = [];
  let length = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > bounds.maxOutputBytes) stop(tooLarge(`git printed more than ${bounds.maxOutputBytes} bytes`));
    else stdout.push(chunk);
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (stderr.length < maxStderrBytes) stderr += text;
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(call.input ?? '');
  try {
    const status = await new Promise<number>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve(code ?? -1));
    });
    if (failure) throw failure;
    return { status, stdout: Buffer.concat(stdout), stderr };
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? missing(error) : error;
  } finally {
    clearTimeout(late);
    clearInterval(watch);
  }
}

/** The last lines that git printed, for a message. Git prints no credentials: they are not in the URL. */
export function reasonOf({ stderr, status }: GitResult): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  return lines.slice(-maxReasonLines).join('; ') || `git ended with ${status}`;
}

function watchSize(folder: string, bounds: GitBounds, stop: (error: SlipwayError) => void): NodeJS.Timeout {
  return setInterval(async () => {
    if ((await folderBytes(folder)) > bounds.maxMirrorBytes) {
      stop(tooLarge(`the repository takes more than ${bounds.maxMirrorBytes} bytes`));
    }
  }, watchIntervalMs);
}

/** Bytes of all files below a folder; what vanishes meanwhile counts nothing. */
export async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      stat(path.join(entry.parentPath, entry.name)).then(
        ({ size }) => size,
        () => 0,
      ),
    );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

export function tooLarge(message: string): SlipwayError {
  return new SlipwayError('git-repository-too-large', message, {
    hint: 'Declare rollouts in a repository of their own, without large files in its history.',
  });
}

function timedOut({ timeoutMs }: GitBounds): SlipwayError {
  return new SlipwayError('git-unreachable', `git did not finish within ${timeoutMs / 1000} s`, {
    hint: 'Check the network and the server; what was applied last stays in force.',
  });
}

function missing(cause: unknown): SlipwayError {
  return new SlipwayError('git-missing', 'there is no git on the PATH', { cause, hint: 'Install git.' });
}
