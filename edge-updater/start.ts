/**
 * What the command `slipway-edge` starts: of the programs beside it the one that the verb is in. Applying a delta and
 * showing the status need a part of the code that a device needs, and loading the rest takes longer than the work.
 */
import { exitStatus } from '../contract/errors.ts';
import { whyNodeIsTooOld } from '../contract/node-version.ts';

const why = whyNodeIsTooOld('slipway-edge', process.versions.node);
if (why !== undefined) {
  process.stderr.write(`${why}\n`);
  process.exit(exitStatus.localResource);
}
const isBuilt = !import.meta.url.endsWith('.ts');
const ofVerb = new Map([
  ['apply', ['apply-main.ts', 'slipway-edge-apply.mjs']],
  ['status', ['status-main.ts', 'slipway-edge-status.mjs']],
]);
const [source = 'main.ts', built = 'slipway-edge-device.mjs'] = ofVerb.get(process.argv[2] ?? '') ?? [];

await import(new URL(isBuilt ? built : source, import.meta.url).href);
