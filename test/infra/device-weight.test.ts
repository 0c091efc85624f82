/** What a device's program loads at each start: parts of libraries that it does not use cost time and memory. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build, type Metafile } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleProgram } from '../../infra/bundle.ts';

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

it.each([
  'edge-updater/main.ts',
  'packager/main.ts',
])('%s starts without Sigstore, which a cosign bundle alone needs', async (entry) => {
  expect((await weighing(entry)).filter((file) => file.includes('@sigstore/'))).toEqual([]);
});

it('showing the status loads nothing that talks to a server, changes the device or reads a bundle', async () => {
  const files = await weighing('edge-updater/status-main.ts');
  expect(files).toEqual(
    expect.arrayContaining(['edge-updater/commands/status.ts', 'edge-updater/wiring/read-device.ts']),
  );
  const others = /node_modules\/(undici|tar-stream|@tufjs)|open-device|updater\/device\.ts|cli-progress/;
  expect(files.filter((file) => others.test(file) || localesOfZod.test(file))).toEqual([]);
});

it('the actor loads nothing that talks to a distributor, verifies a release or changes a slot', async () => {
  const files = await weighing('edge-updater/act-main.ts');
  expect(files).toEqual(expect.arrayContaining(['edge-updater/adapters/datastore/box-data.ts']));
  const others = /node_modules\/(tar-stream|tuf-js|@tufjs)|open-device|updater\/device\/|slot-directory|http-server/;
  expect(files.filter((file) => others.test(file) || localesOfZod.test(file))).toEqual([]);
});

/** Says at its end how large the young generation has become, which modules of Node were loaded, and what children get. */
const weigh = `import { getHeapSpaceStatistics } from 'node:v8';
process.on('exit', () => {
  const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space').space_size;
  process.stdout.write(JSON.stringify({ young, modules: process.moduleLoadList, options: process.env.NODE_OPTIONS }));
});`;

interface Weight {
  readonly young: number;
  readonly modules: readonly string[];
  readonly options?: string;
}

describe('the program of a device', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-weight-'));
  const probe = path.join(folder, 'probe.mjs');
  beforeAll(async () => {
    writeFileSync(probe, weigh);
    const [shared, absent] = [{ executable: false, compact: true }, ['node:http2']];
    await bundleProgram({ entry: 'edge-updater/start.ts', output: 'slipway-edge.mjs', ...shared }, root, folder);
    const device = { entry: 'edge-updater/main.ts', output: 'slipway-edge-device.mjs', absent };
    await bundleProgram({ ...device, ...shared }, root, folder);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const weighed = (options: string): Weight => {
    const words = ['--import', probe, path.join(folder, 'slipway-edge.mjs'), 'run', '--config', '/nonexistent'];
    const env = { ...process.env, NODE_OPTIONS: options };
    const { status, stdout } = spawnSync(process.execPath, words, { encoding: 'utf8', env });
    expect(status).toBe(3);
    return JSON.parse(stdout);
  };

  it('keeps a young generation of 2 MiB, whatever was loaded at its start', () => {
    expect(weighed('').young).toBe(2 * 2 ** 20);
  });

  it('loads no module of Node that it does not use, as a namespace of node:http would', () => {
    const { modules } = weighed('');
    expect(modules).toContain('NativeModule http');
    const unused = /^NativeModule (http2|worker_threads|internal\/(deps\/undici|webstreams)\/.*)$/;
    expect(modules.filter((module) => unused.test(module))).toEqual([]);
  });

  it('keeps for itself what its unit sets for the engine, and passes on what a person sets', () => {
    const unit = readFileSync(path.join(root, 'infra/systemd/slipway-edge.service'), 'utf8');
    const [, ofUnit = ''] = /NODE_OPTIONS=(\S+)/.exec(unit) ?? [];
    expect(weighed(ofUnit).options).toBeUndefined();
    expect(weighed('--no-warnings').options).toBe('--no-warnings');
  });
});
