/** slipway-packager: wires the outside world into the commands and turns what they throw into an exit status. */
import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Command, CommanderError } from 'commander';
import { usageError } from '../contract/command-failure.ts';
import { exitStatus, SlipwayError, toSlipwayError } from '../contract/errors.ts';
import { programVersion } from '../contract/program-version.ts';
import { partEncoderProcesses } from '../delta/make/processes/part-encoder-processes.ts';
import { findXdelta3 } from '../delta/make/processes/xdelta3-binding.ts';
import { findZstdEncoder } from '../delta/recipe/zstd-programs.ts';
import { openWriter } from '../system/store/open-writer.ts';
import { commandRenderer } from './adapters/manifest-renderer.ts';
import { registerBuild } from './commands/build.ts';
import { registerBundle } from './commands/bundle.ts';
import type { CommandContext } from './commands/context.ts';
import { registerDelta } from './commands/delta.ts';
import { registerInit } from './commands/init.ts';
import { registerInspect } from './commands/inspect.ts';
import { registerKeygen } from './commands/keygen.ts';
import { registerPublish } from './commands/publish.ts';
import { registerRefresh } from './commands/refresh.ts';
import { registerVerify } from './commands/verify.ts';
import { Output } from './output.ts';

/** Of this machine's memory, for all encoders of parts together. */
const encoderMemoryShare = 0.5;
const scratchFolders: string[] = [];

const context: CommandContext = {
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
  output: ({ json }) => new Output(process, json === true),
};

/** Seconds since 1970 (https://reproducible-builds.org/specs/source-date-epoch/). */
function signingTime(epoch: string | undefined): Date {
  if (epoch === undefined || epoch === '') return new Date();
  if (/^\d{1,11}$/.test(epoch)) return new Date(Number(epoch) * 1000);
  throw new SlipwayError('usage', 'SOURCE_DATE_EPOCH: expected a whole number of seconds since 1970');
}

async function main(args: readonly string[]): Promise<number> {
  const program = new Command('slipway-packager')
    .description('Packs, signs and publishes releases for devices at the edge.')
    .version(programVersion)
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  const verbs = [
    ...[registerInit, registerKeygen, registerBuild, registerPublish, registerRefresh],
    ...[registerDelta, registerBundle, registerInspect, registerVerify],
  ];
  for (const register of verbs) register(program, context);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitStatus.ok;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return exitStatus.ok;
    const error = thrown instanceof CommanderError ? usageError('slipway-packager', thrown) : toSlipwayError(thrown);
    new Output(process, args.includes('--json')).error(error);
    return error.exitStatus;
  } finally {
    for (const folder of scratchFolders) await rm(folder, { recursive: true, force: true });
  }
}

// Whoever reads the output may leave early, as head does: the work goes on without a word.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
process.exitCode = await main(process.argv.slice(2));
