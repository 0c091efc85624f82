/**
 * What the command `slipway-edge` starts: of the two programs beside it the one that the verb is in. Applying a delta
 * needs a tenth of the code that a device needs, and loading the rest takes longer than the work.
 */
const isBuilt = !import.meta.url.endsWith('.ts');
const isApply = process.argv[2] === 'apply';
const [source, built] = isApply ? ['apply-main.ts', 'slipway-edge-apply.mjs'] : ['main.ts', 'slipway-edge-device.mjs'];

await import(new URL(isBuilt ? built : source, import.meta.url).href);

export {};
