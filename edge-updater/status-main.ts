/** `slipway-edge status` as a program of its own; see start.ts. */
import { print, runCommandLine } from './command-line.ts';
import { addStatus } from './commands/status.ts';
import { readDevice } from './read-device.ts';

await runCommandLine((program) => addStatus(program, { read: readDevice, print }), new AbortController().signal);
