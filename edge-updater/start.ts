/**
 * Starts the program that a verb of `slipway-edge` is in. Applying a delta and showing the status need a part of the
 * code that a device needs, and loading the rest takes longer than the work.
 */
import { startProgram } from '../system/command-line/start-program.ts';

const ofVerb = new Map([
  ['apply', { source: 'apply-main.ts', built: 'slipway-edge-apply.mjs' }],
  ['status', { source: 'status-main.ts', built: 'slipway-edge-status.mjs' }],
]);
const wholeDevice = { source: 'main.ts', built: 'slipway-edge-device.mjs' };

await startProgram('slipway-edge', import.meta.url, ofVerb.get(process.argv[2] ?? '') ?? wholeDevice);
