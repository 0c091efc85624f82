/** Runs `slipway-edge apply` as a program of its own; see start.ts. */
import { StopSignals } from '../system/command-line/stop-signals.ts';
import { applyToFile } from './adapters/delta/applied-file.ts';
import { runCommandLine } from './command-line.ts';
import { addApply } from './commands/apply.ts';
import type { DeltaMeans } from './delta/delta-means.ts';
import type { DeltaFiles } from './ports.ts';

const stop = new StopSignals();
const apply = (files: DeltaFiles, out: string, means: DeltaMeans) =>
  applyToFile(files, out, means, () => {
    stop.listen();
    return stop.signal;
  });

await runCommandLine((program, output) => addApply(program, { applyToFile: apply, output }), stop);
