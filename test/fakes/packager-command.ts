/**
 * The command line of the packager, called in this process: the real verbs over the real adapters, but parts of deltas
 * are encoded here, too. The start of a program takes longer than most verbs and parts do.
 */
import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { silentProgress } from '../../contract/progress.ts';
import { findXdelta3 } from '../../delta/make/processes/xdelta3-binding.ts';
import { findZstdEncoder } from '../../delta/recipe/zstd-programs.ts';
import { commandRenderer } from '../../packager/adapters/manifest-renderer.ts';
import { type OutsideWorld, runPackager } from '../../packager/commands/program.ts';
import { signingTime } from '../../packager/signing-time.ts';
import { openWriter } from '../../system/store/open-writer.ts';
import { ownEncoders } from '../delta/make/delta-bench.ts';
import type { Called } from './distributor-command.ts';

/** As the program has it: what a delta is made of is in its memory of deltas. */
const encoderBytes = totalmem() * 0.5;

/** @param env what the environment of a program would have besides */
export async function callPackager(words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Called> {
  const [stdout, stderr, scratch]: [string[], string[], string[]] = [[], [], []];
  const environment = { ...process.env, ...env };
  const outside: OutsideWorld = {
    openStore: (url) => openWriter(url, environment),
    renderer: commandRenderer(environment),
    findEncoder: () => {
      const found = findXdelta3();
      return found.kind === 'available' ? { encoder: found.encoder } : { missing: found.detail };
    },
    partEncoders: (maxMemoryBytes = encoderBytes) => ({ ...ownEncoders, maxMemoryBytes }),
    zstdEncoder: (programs = []) => findZstdEncoder(programs, environment.PATH, availableParallelism()),
    keySurroundings: { env: environment, askPassphrase: async () => undefined },
    now: () => new Date(),
    signingTime: () => signingTime(environment.SOURCE_DATE_EPOCH),
    backOff: (attempt) => pause(randomInt(50, 100 * 2 ** Math.min(attempt, 6))),
    scratchFolder: async () => {
      const folder = await mkdtemp(path.join(tmpdir(), 'slipway-packager-'));
      scratch.push(folder);
      return folder;
    },
    progress: () => silentProgress,
  };
  try {
    const streams = { stdout: (text: string) => stdout.push(text), stderr: (text: string) => stderr.push(text) };
    const status = await runPackager(words, outside, streams);
    return { status, stdout: stdout.join(''), stderr: stderr.join('') };
  } finally {
    for (const folder of scratch) await rm(folder, { recursive: true, force: true });
  }
}

/** A call under `--json` that has to succeed. @returns what it printed as one value */
export async function mustCallPackager<T>(...words: string[]): Promise<T> {
  const { status, stdout, stderr } = await callPackager([...words, '--json']);
  if (status !== 0) throw new Error(`${words[0]} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** For a command that has to succeed. @throws Error with what it said */
export async function packager(words: readonly string[]): Promise<void> {
  const { status, stderr } = await callPackager(words);
  if (status !== 0) throw new Error(stderr);
}
