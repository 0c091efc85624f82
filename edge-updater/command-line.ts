/** Runs the command line of the programs of this folder, which are one command: `slipway-edge`. */
import type { Command } from 'commander';
import type { Output, Streams } from '../system/command-line/output.ts';
import { processStreams } from '../system/command-line/process-streams.ts';
import { runProgram } from '../system/command-line/run-program.ts';
import type { StopSignals } from '../system/command-line/stop-signals.ts';

/**
 * Runs what the arguments of this process ask for and sets its exit status.
 * @param addVerbs puts the verbs into the program
 * @param stop undefined where work is short and may be cut off
 */
export async function runCommandLine(
  addVerbs: (program: Command, output: Output) => void,
  stop?: StopSignals,
): Promise<void> {
  process.exitCode = await runEdge(process.argv.slice(2), addVerbs, processStreams(), stop);
}

/**
 * @param words the arguments without the program's own name
 * @returns the exit status
 */
export function runEdge(
  words: readonly string[],
  addVerbs: (program: Command, output: Output) => void,
  streams: Streams,
  stop?: StopSignals,
): Promise<number> {
  const description = {
    name: 'slipway-edge',
    description: 'Updates this device: downloads, verifies, switches, watches, goes back.',
    examples: ['run', 'status --json', 'check-now'],
    exitMeanings: {
      invalidInput: 'the configuration, or what it was given to work on, is wrong',
      untrusted: 'something is damaged or not to be trusted',
      unavailable: 'the server cannot be reached, or refuses',
      conflict: 'a release that may not be installed over the present one',
      localResource: 'a resource of this machine: disk, memory, files',
      updateFailed: 'the release was rolled back, or there is none to go back to',
      busy: 'another updater runs on this device',
    },
    addVerbs,
    toldToEnd: () => stop?.exitStatus,
  };
  return runProgram(words, description, streams);
}
