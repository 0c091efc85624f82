#!/usr/bin/env node
/** Starts the server from the command `slipway-distributor`. */
import { startProgram } from '../system/command-line/start-program.ts';

await startProgram('slipway-distributor', import.meta.url, {
  source: 'main.ts',
  built: 'slipway-distributor-main.mjs',
});
