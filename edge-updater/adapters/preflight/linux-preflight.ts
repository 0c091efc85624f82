/** This machine, for a preflight: its processes, memory and certificates, and programs that say what they are. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { ProgramRun } from '../../preflight/facts.ts';
import type { PreflightMachine } from '../../preflight/preflight-machine.ts';
import { availableBytes } from '../delta/free-memory.ts';
import { ifReadable, textIfReadable } from '../disk/if-readable.ts';
import { localMachine } from '../health/local-machine.ts';
import { pids } from '../service/process-table.ts';

/** Of a question to the API server. */
const questionSeconds = 20;
/** A program of 80 MiB comes from a slow card first. */
const programSeconds = 60;
const maxOutputBytes = 1024 * 1024;

export function linuxPreflight(monotonicSeconds: () => number): PreflightMachine {
  const { text, askApi, linesOfApi } = localMachine(questionSeconds, monotonicSeconds);
  return {
    ...{ text, askApi, linesOfApi, processes, run: runBounded },

    names: (folder) => ifReadable(() => readdirSync(folder)) ?? [],

    certificate(file) {
      return ifReadable(() => {
        const { validFrom, validTo } = new X509Certificate(readFileSync(file));
        return { file, notBefore: Date.parse(validFrom), notAfter: Date.parse(validTo) };
      });
    },

    availableBytes: () => availableBytes(),
  };
}

/** The updater's own process is none of them. */
function processes(): string[][] {
  const others = pids().filter((pid) => pid !== process.pid);
  return others.flatMap((pid) => {
    const words = textIfReadable(`/proc/${pid}/cmdline`)?.split('\0') ?? [];
    const last = words.at(-1) === '' ? words.slice(0, -1) : words;
    return last.length === 0 ? [] : [last];
  });
}

/** @param environment besides a plain PATH: nothing that K3s or K0s of a unit reads comes along */
export function runBounded(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
  environment: Readonly<Record<string, string>> = {},
  seconds = programSeconds,
): Promise<ProgramRun> {
  const env = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: '/nonexistent',
    ...environment,
  };
  const options = { signal, env, timeout: seconds * 1000, killSignal: 'SIGKILL', maxBuffer: maxOutputBytes } as const;
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (signal.aborted) return reject(signal.reason);
      if (error === null) return resolve({ kind: 'ended', status: 0, stdout, stderr });
      const { code, signal: endedBy, message } = error as NodeJS.ErrnoException & { readonly signal?: string };
      if (typeof code === 'number') return resolve({ kind: 'ended', status: code, stdout, stderr });
      // One that writes without end is cut off: what it says is no answer.
      if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER')
        return resolve({ kind: 'ended', status: 1, stdout: '', stderr: message });
      if (performance.now() - startedAt >= seconds * 1000) return resolve({ kind: 'silent', seconds });
      if (endedBy) return resolve({ kind: 'killed', signal: endedBy });
      return resolve({ kind: 'not started', errno: String(code), message });
    });
    child.stdin?.end();
  });
}
