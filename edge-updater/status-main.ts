/** Runs `slipway-edge status` as a program of its own; see start.ts. */
import { runCommandLine } from './command-line.ts';
import { addStatus } from './commands/status.ts';
import { readDevice } from './wiring/read-device.ts';

await runCommandLine((program, output) => addStatus(program, { read: readDevice, output }));
