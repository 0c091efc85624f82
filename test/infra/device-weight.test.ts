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

/** What is left of a file of which nothing is used, in bytes. */
const emptyShell = 200;

/** Files of a program that are evaluated at its start, those of which nothing is used aside. */
async function weighing(entry: string): Promise<string[]> {
  const { metafile } = await build({
    ...{ absWorkingDir: root, entryPoints: [entry], bundle: true, platform: 'node', format: 'esm' },
    ...{ target: 'node24', metafile: true, write: false, outfile: 'device.mjs', logLevel: 'silent' },
  });
  const [output] = Object.values(metafile.outputs);
  return evaluatedAtStart(metafile, entry).filter((file) => (output?.inputs[file]?.bytesInOutput ?? 0) > emptyShell);
}

const localesOfZod = /zod\/v4\/locales\/(?!en)/;

it('a device starts without the parts of undici and zod that it does not use', async () => {
  const files = await weighing('edge-updater/main.ts');
  expect(files.length).toBeGreaterThan(100);
  const unused = /undici\/(index\.js|lib\/(mock|cache|handler|interceptor|web\/(websocket|cookies|eventsource)))/;
  expect(files.filter((file) => unused.test(file) || localesOfZod.test(file))).toEqual([]);
});

it('showing the status loads nothing that talks to a server, changes the device or reads a bundle', async () => {
  const files = await weighing('edge-updater/status-main.ts');
  expect(files).toEqual(
    expect.arrayContaining(['edge-updater/commands/status.ts', 'edge-updater/wiring/read-device.ts']),
  );
  const others = /node_modules\/(undici|tar-stream|@tufjs)|open-device|updater\/device\.ts|cli-progress/;
  expect(files.filter((file) => others.test(file) || localesOfZod.test(file))).toEqual([]);
});
