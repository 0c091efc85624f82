#!/usr/bin/env node
/** Starts the packager from the command `slipway-packager`. */
import { startProgram } from '../system/command-line/start-program.ts';

await startProgram('slipway-packager', import.meta.url, { source: 'main.ts', built: 'slipway-packager-main.mjs' });
