#!/usr/bin/env node
/** What the command `slipway-distributor` starts. */
import { startProgram } from '../system/command-line/start-program.ts';

await startProgram('slipway-distributor', import.meta.url, {
  source: 'main.ts',
  built: 'slipway-distributor-main.mjs',
});
