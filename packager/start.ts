#!/usr/bin/env node
/** What the command `slipway-packager` starts: the program, where this Node can run it. */
import { exitStatus } from '../contract/errors.ts';
import { whyNodeIsTooOld } from '../contract/node-version.ts';

const why = whyNodeIsTooOld('slipway-packager', process.versions.node);
if (why !== undefined) {
  process.stderr.write(`${why}\n`);
  process.exit(exitStatus.localResource);
}
const isBuilt = !import.meta.url.endsWith('.ts');
await import(new URL(isBuilt ? 'slipway-packager-main.mjs' : 'main.ts', import.meta.url).href);
