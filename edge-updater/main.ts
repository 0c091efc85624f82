/** Runs the commands of `slipway-edge` over the adapters of this machine; see open-device.ts. */
import { StopSignals } from '../system/command-line/stop-signals.ts';
import { applyToFile } from './adapters/delta/applied-file.ts';
import { Terminal } from './adapters/terminal.ts';
import { runCommandLine } from './command-line.ts';
import type { CommandContext } from './commands/command-context.ts';
import { addVerbs } from './commands/verbs.ts';
import { adoptBox, unadoptBox, updaterPlace } from './wiring/adopt-box.ts';
import { actUntilIdle } from './wiring/open-actor.ts';
import { DeviceOpener } from './wiring/open-device.ts';
import { readDevice } from './wiring/read-device.ts';

const stop = new StopSignals();
const opener = new DeviceOpener(new Terminal(), stop.signal);
stop.listen();

const outside: Omit<CommandContext, 'output'> = {
  open: opener.open.bind(opener),
  openPatiently: opener.openPatiently.bind(opener),
  adopt: (opened, configFile) => adoptBox(opened, updaterPlace(configFile)),
  unadopt: (opened, configFile) => unadoptBox(opened, updaterPlace(configFile)),
  act: actUntilIdle,
  read: readDevice,
  applyToFile: (files, out, means) => applyToFile(files, out, means, () => stop.signal),
  signal: stop.signal,
};
await runCommandLine((program, output) => addVerbs(program, { ...outside, output }), stop);
