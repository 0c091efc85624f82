/** Runs the commands of `slipway-edge` over the adapters of this machine; see open-device.ts. */
import { StopSignals } from '../system/command-line/stop-signals.ts';
import { applyToFile } from './adapters/delta/applied-file.ts';
import { Terminal } from './adapters/terminal.ts';
import { runCommandLine } from './command-line.ts';
import { addVerbs } from './commands/verbs.ts';
import type { DeltaMeans } from './delta/delta-means.ts';
import type { DeltaFiles } from './ports.ts';
import { DeviceOpener } from './wiring/open-device.ts';
import { readDevice } from './wiring/read-device.ts';

const stop = new StopSignals();
const opener = new DeviceOpener(new Terminal(), stop.signal);
stop.listen();

const outside = {
  open: opener.open.bind(opener),
  openPatiently: opener.openPatiently.bind(opener),
  read: readDevice,
  applyToFile: (files: DeltaFiles, out: string, means: DeltaMeans) => applyToFile(files, out, means, () => stop.signal),
  signal: stop.signal,
};
await runCommandLine((program, output) => addVerbs(program, { ...outside, output }), stop);
