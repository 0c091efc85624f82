/** Wires the outside world into the verbs of slipway-packager. */
import { randomInt } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { SlipwayError } from '../contract/errors.ts';
import { partEncoderProcesses } from '../delta/make/processes/part-encoder-processes.ts';
import { findXdelta3 } from '../delta/make/processes/xdelta3-binding.ts';
import { findZstdEncoder } from '../delta/recipe/zstd-programs.ts';
import { processStreams } from '../system/command-line/process-streams.ts';
import { ProgressDisplay } from '../system/command-line/progress-display.ts';
import { runProgram } from '../system/command-line/run-program.ts';
import { endOnSignals } from '../system/command-line/stop-signals.ts';
import { openWriter } from '../system/store/open-writer.ts';
import { commandRenderer } from './adapters/manifest-renderer.ts';
import { registerBuild } from './commands/build.ts';
import { registerBundle } from './commands/bundle.ts';
import type { CommandContext } from './commands/context.ts';
import { registerDelta } from './commands/delta.ts';
import { registerInit } from './commands/init.ts';
import { registerInspect } from './commands/inspect.ts';
import { registerKeygen } from './commands/keygen.ts';
import { registerKeys } from './commands/keys.ts';
import { registerPublish } from './commands/publish.ts';
import { registerRefresh } from './commands/refresh.ts';
import { registerVerify } from './commands/verify.ts';

/** Of this machine's memory, for all encoders of parts together. */
const encoderMemoryShare = 0.5;
const scratchFolders: string[] = [];

const display = new ProgressDisplay(process.stderr);

const outside: Omit<CommandContext, 'output'> = {
  openStore: (url) => openWriter(url, process.env),
  renderer: commandRenderer(process.env),
  findEncoder: () => {
    const found = findXdelta3();
    return found.kind === 'available' ? { encoder: found.encoder } : { missing: found.detail };
  },
  partEncoders: (maxMemoryBytes = totalmem() * encoderMemoryShare) =>
    partEncoderProcesses(availableParallelism(), maxMemoryBytes),
  zstdEncoder: (programs = []) => findZstdEncoder(programs, process.env.PATH, availableParallelism()),
  now: () => new Date(),
  signingTime: () => signingTime(process.env.SOURCE_DATE_EPOCH),
  backOff: (attempt) => pause(randomInt(50, 100 * 2 ** Math.min(attempt, 6))),
  scratchFolder: async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'slipway-packager-'));
    scratchFolders.push(folder);
    return folder;
  },
  progress: (label) => display.of(label),
};

/** Seconds since 1970 (https://reproducible-builds.org/specs/source-date-epoch/). */
function signingTime(epoch: string | undefined): Date {
  if (epoch === undefined || epoch === '') return new Date();
  if (/^\d{1,11}$/.test(epoch)) return new Date(Number(epoch) * 1000);
  throw new SlipwayError('usage', 'SOURCE_DATE_EPOCH: expected a whole number of seconds since 1970');
}

const verbs = [
  ...[registerInit, registerKeygen, registerKeys, registerBuild, registerPublish, registerRefresh],
  ...[registerDelta, registerBundle, registerInspect, registerVerify],
];

function removeScratch(): void {
  for (const folder of scratchFolders) rmSync(folder, { recursive: true, force: true });
}

endOnSignals(removeScratch);
const streams = processStreams();
try {
  process.exitCode = await runProgram(
    process.argv.slice(2),
    {
      name: 'slipway-packager',
      description: 'Packs, signs and publishes releases for devices at the edge.',
      examples: [
        'build release.yaml --out build',
        'publish build --store file:///srv/slipway --channel stable --keys keys',
      ],
      exitMeanings: {
        invalidInput: 'what it was given to work on is wrong',
        untrusted: 'something is not to be trusted',
        unavailable: 'the store is unavailable or refuses',
        conflict: 'conflicts with what is there already',
        localResource: 'a resource of this machine: disk, files',
      },
      addVerbs(program, output) {
        for (const register of verbs) register(program, { ...outside, output });
      },
    },
    {
      // The bar goes before a line comes.
      stdout: (text) => {
        display.end();
        streams.stdout(text);
      },
      stderr: (text) => {
        display.end();
        streams.stderr(text);
      },
    },
  );
} finally {
  removeScratch();
}
