/** Runs the commands of `slipway-edge` over the adapters of this machine; see open-device.ts. */
import { setFlagsFromString } from 'node:v8';
import { StopSignals } from '../system/command-line/stop-signals.ts';
import { applyToFile } from './adapters/delta/applied-file.ts';
import { Terminal } from './adapters/terminal.ts';
import { runCommandLine } from './command-line.ts';
import { addAdopt, addUnadopt } from './commands/adopt.ts';
import { addApply } from './commands/apply.ts';
import { addCheckNow } from './commands/check-now.ts';
import type { CommandContext } from './commands/command-context.ts';
import { addInstall } from './commands/install.ts';
import { addRecover } from './commands/recover.ts';
import { addRollback } from './commands/rollback.ts';
import { addRun } from './commands/run.ts';
import { addStatus } from './commands/status.ts';
import { adoptBox, unadoptBox, updaterPlace } from './wiring/adopt-box.ts';
import { DeviceOpener } from './wiring/open-device.ts';
import { readDevice } from './wiring/read-device.ts';

// Streams leave young garbage; without a bound the engine keeps tens of megabytes of it before it looks.
setFlagsFromString('--semi-space-growth-factor=1');

const stop = new StopSignals();
const opener = new DeviceOpener(new Terminal(), stop.signal);
stop.listen();

await runCommandLine((program, output) => {
  const context: CommandContext = {
    open: (configFile, command, blobs) => opener.open(configFile, command, blobs),
    openPatiently: (configFile, command) => opener.openPatiently(configFile, command),
    adopt: (opened, configFile) => adoptBox(opened, updaterPlace(configFile)),
    unadopt: (opened, configFile) => unadoptBox(opened, updaterPlace(configFile)),
    read: readDevice,
    applyToFile: (files, out, means) => applyToFile(files, out, means, () => stop.signal),
    signal: stop.signal,
    output,
  };
  const verbs = [addRun, addCheckNow, addStatus, addInstall, addRollback, addAdopt, addUnadopt, addRecover, addApply];
  for (const add of verbs) add(program, context);
}, stop);
