#!/usr/bin/env node
/** What the command `slipway-packager` starts. */
import { startProgram } from '../system/command-line/start-program.ts';

await startProgram('slipway-packager', import.meta.url, { source: 'main.ts', built: 'slipway-packager-main.mjs' });
