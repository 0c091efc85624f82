/** `slipway-edge apply` as a program of its own; see start.ts. */
import { setFlagsFromString } from 'node:v8';
import { applyToFile } from './adapters/delta/applied-file.ts';
import { abortOnSignals, print, runCommandLine } from './command-line.ts';
import { addApply } from './commands/apply.ts';
import type { DeltaMeans } from './delta/delta-means.ts';
import type { DeltaFiles } from './ports.ts';

setFlagsFromString('--semi-space-growth-factor=1');

const stop = new AbortController();
const context = {
  applyToFile: (files: DeltaFiles, out: string, means: DeltaMeans) =>
    applyToFile(files, out, means, () => {
      abortOnSignals(stop);
      return stop.signal;
    }),
  print,
};

await runCommandLine((program) => addApply(program, context), stop.signal);
