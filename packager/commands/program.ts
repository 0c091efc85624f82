/** Makes one program of the verbs of the packager; main.ts binds it to this machine. */
import type { Command } from 'commander';
import type { Output, Streams } from '../../system/command-line/output.ts';
import { runProgram } from '../../system/command-line/run-program.ts';
import { registerBuild } from './build.ts';
import { registerBundle } from './bundle.ts';
import type { PackagerContext } from './context.ts';
import { registerDelta } from './delta.ts';
import { registerInit } from './init.ts';
import { registerInspect } from './inspect.ts';
import { registerKeygen } from './keygen.ts';
import { registerKeys } from './keys.ts';
import { registerPublish } from './publish.ts';
import { registerRefresh } from './refresh.ts';
import { registerVerify } from './verify.ts';

const verbs = [
  ...[registerInit, registerKeygen, registerKeys, registerBuild, registerPublish, registerRefresh],
  ...[registerDelta, registerBundle, registerInspect, registerVerify],
];

/** The world as the verbs need it, without the output, which belongs to one run. */
export type OutsideWorld = Omit<PackagerContext, 'output'>;

/**
 * @param words the arguments without the program's own name
 * @returns the exit status
 */
export function runPackager(words: readonly string[], outside: OutsideWorld, streams: Streams): Promise<number> {
  const description = {
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
    addVerbs(program: Command, output: Output) {
      for (const register of verbs) register(program, { ...outside, output });
    },
  };
  return runProgram(words, description, streams);
}
