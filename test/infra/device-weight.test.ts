/** What a device's program loads at each start: parts of libraries that it does not use cost time and memory. */
import path from 'node:path';
import { build, type Metafile } from 'esbuild';
import { expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

/** Files that are evaluated when the program starts; what is imported when it is needed does not count. */
function evaluatedAtStart({ inputs }: Metafile, entry: string): string[] {
  const found = new Set([entry]);
  for (const file of found) {
    for (const { path: imported, kind, external } of inputs[file]?.imports ?? []) {
      if (external !== true && kind !== 'dynamic-import') found.add(imported);
    }
  }
  return [...found];
}

it('a device starts without the parts of undici and zod that it does not use', async () => {
  const entry = 'edge-updater/main.ts';
  const { metafile } = await build({
    ...{ absWorkingDir: root, entryPoints: [entry], bundle: true, platform: 'node', format: 'esm' },
    ...{ target: 'node24', metafile: true, write: false, outfile: 'device.mjs', logLevel: 'silent' },
  });
  const [output] = Object.values(metafile.outputs);
  const files = evaluatedAtStart(metafile, entry).filter((file) => (output?.inputs[file]?.bytesInOutput ?? 0) > 0);
  expect(files.length).toBeGreaterThan(100);
  const unused = /undici\/(index\.js|lib\/(mock|cache|handler|interceptor|web\/(websocket|cookies|eventsource)))/;
  expect(files.filter((file) => unused.test(file) || /zod\/v4\/locales\/(?!en)/.test(file))).toEqual([]);
});
