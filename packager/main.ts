/** Wires the outside world into the verbs of slipway-packager. */
import { randomInt } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { partEncoderProcesses } from '../delta/make/processes/part-encoder-processes.ts';
import { findXdelta3 } from '../delta/make/processes/xdelta3-binding.ts';
import { findZstdEncoder } from '../delta/recipe/zstd-programs.ts';
import { processStreams } from '../system/command-line/process-streams.ts';
import { ProgressDisplay } from '../system/command-line/progress-display.ts';
import { endOnSignals } from '../system/command-line/stop-signals.ts';
import { openWriter } from '../system/store/open-writer.ts';
import { askOnTerminal } from './adapters/ask-on-terminal.ts';
import { commandRenderer } from './adapters/manifest-renderer.ts';
import { type OutsideWorld, runPackager } from './commands/program.ts';
import { signingTime } from './signing-time.ts';

/** Of this machine's memory, for all encoders of parts together. */
const encoderMemoryShare = 0.5;
const scratchFolders: string[] = [];

const display = new ProgressDisplay(process.stderr);

const outside: OutsideWorld = {
  openStore: (url) => openWriter(url, process.env),
  renderer: commandRenderer(process.env),
  findEncoder: () => {
    const found = findXdelta3();
    return found.kind === 'available' ? { encoder: found.encoder } : { missing: found.detail };
  },
  partEncoders: (maxMemoryBytes = totalmem() * encoderMemoryShare) =>
    partEncoderProcesses(availableParallelism(), maxMemoryBytes),
  zstdEncoder: (programs = []) => findZstdEncoder(programs, process.env.PATH, availableParallelism()),
  keySurroundings: { env: process.env, askPassphrase: askOnTerminal },
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

function removeScratch(): void {
  for (const folder of scratchFolders) rmSync(folder, { recursive: true, force: true });
}

endOnSignals(removeScratch);
const streams = processStreams();
try {
  process.exitCode = await runPackager(process.argv.slice(2), outside, {
    // The bar goes before a line comes.
    stdout: (text) => {
      display.end();
      streams.stdout(text);
    },
    stderr: (text) => {
      display.end();
      streams.stderr(text);
    },
  });
} finally {
  removeScratch();
}
