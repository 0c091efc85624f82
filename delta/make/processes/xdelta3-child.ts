/**
 * Runs in the encoder's own process: `node xdelta3-child.ts BINDING OLD NEW OUT` loads the native binding and encodes
 * whole files in memory, so that neither its blocking nor a crash of native code reaches the packager. It prints
 * nothing on success; errors go to stderr with a non-zero exit status.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

interface Binding {
  encodeSync(source: Uint8Array, target: Uint8Array): Uint8Array;
}

const [binding = '', oldFile = '', newFile = '', outFile = ''] = process.argv.slice(2);
try {
  const { encodeSync } = createRequire(import.meta.url)(binding) as Binding;
  writeFileSync(outFile, encodeSync(readFileSync(oldFile), readFileSync(newFile)));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
