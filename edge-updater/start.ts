/**
 * Starts the program that a verb of `slipway-edge` is in. Applying a delta and showing the status need a part of the
 * code that a device needs, and loading the rest takes longer than the work.
 */
import { setFlagsFromString } from 'node:v8';
import { startProgram } from '../system/command-line/start-program.ts';

const ofVerb = new Map([
  ['apply', { source: 'apply-main.ts', built: 'slipway-edge-apply.mjs' }],
  ['status', { source: 'status-main.ts', built: 'slipway-edge-status.mjs' }],
]);
/** For the engine: a daemon that waits has nothing to collect or to compile aside. */
const withoutHelperThreads = '--v8-pool-size=0';
const wholeDevice = { source: 'main.ts', built: 'slipway-edge-device.mjs' };

/**
 * Streams leave young garbage; without a bound the engine keeps tens of megabytes of it before it looks. Before the
 * program is loaded, because loading alone lets the young generation grow for good.
 */
function keepMemorySmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--optimize-for-size');
  // The unit sets it for this process; what it starts has work to do.
  if (process.env.NODE_OPTIONS === withoutHelperThreads) delete process.env.NODE_OPTIONS;
}

const program = ofVerb.get(process.argv[2] ?? '') ?? wholeDevice;
await startProgram('slipway-edge', import.meta.url, program, keepMemorySmall);
