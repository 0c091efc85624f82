/**
 * `npm run bench -- repository [--releases N] [--json]`: what many releases of one product cost a device, a server and a
 * publisher, in hash bins, beside one role that names them all.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { encodeManifest } from '../../../contract/release/manifest.ts';
import { manifestKey } from '../../../contract/store-keys.ts';
import { Catalog } from '../../../distributor/catalog/catalog.ts';
import { commitChanges } from '../../../packager/publish/commit.ts';
import { loadRepository } from '../../../packager/repository/state.ts';
import { directoryReader } from '../../../system/store/directory-reader.ts';
import { directoryWriter } from '../../../system/store/directory-writer.ts';
import { product, SignedRepository } from '../../fakes/signed-repository.ts';
import { type LargeStore, largeStore, manyReleases } from './large-store.ts';
import type { LookUp } from './look-up.ts';

const root = path.join(import.meta.dirname, '../../..');
export const defaultReleases = 10_000;

export async function benchRepository(wishes: { readonly releases: number; readonly json: boolean }): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-bench-repository-'));
  const load = loadavg()[0] ?? 0;
  try {
    const now = new Date();
    const rows = [
      ...flatRows(1000, folder, now),
      ...flatRows(wishes.releases, folder, now),
      ...(await binRows(wishes.releases, folder, now)),
    ];
    const result = { load, rows };
    const lines = ['| what | measured | target |', '| --- | ---: | ---: |'];
    lines.push(...rows.map(({ what, measured, target = '' }) => `| ${what} | ${measured} | ${target} |`));
    const page = [
      '# Many releases, measured',
      '',
      `Made by \`npm run bench -- repository\` on ${now.toISOString().slice(0, 10)}: ${cpus().length} × ${cpus()[0]?.model.trim()},`,
      `${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, load ${load.toFixed(1)} at the start.`,
      '',
      ...lines,
      '',
    ].join('\n');
    writeFileSync(path.join(root, 'test/bench/REPOSITORY-RESULTS.md'), page);
    (wishes.json ? process.stderr : process.stdout).write(`${lines.join('\n')}\n`);
    if (wishes.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Row {
  readonly what: string;
  readonly measured: string;
  readonly target?: string;
}

/** All releases in the role of the product, as before there were bins. */
function flatRows(count: number, folder: string, now: Date): Row[] {
  const repository = new SignedRepository(now);
  const releases = manyReleases(count + 1);
  repository.publishAll(now, releases.slice(0, -1));
  const [before, after] = ['flat-before', 'flat-after'].map((name) => path.join(folder, `${count}-${name}`));
  write(repository, before as string);
  const begin = process.cpuUsage();
  repository.publish(now, releases.at(-1));
  const { user, system } = process.cpuUsage(begin);
  write(repository, after as string);
  const targets = [pathOf(releases, count >> 1), pathOf(releases, count)] as const;
  const looked = lookUp(before as string, repository.root.bytes, after as string, targets, now);
  const kind = `${count.toLocaleString('en-US')} releases in one role`;
  return [
    ...deviceRows(kind, looked, {}),
    { what: `${kind}: signing one more, CPU`, measured: ms((user + system) / 1000) },
  ];
}

async function binRows(count: number, folder: string, now: Date): Promise<Row[]> {
  const before = await largeStore(path.join(folder, 'bins'), count, now);
  const after = path.join(folder, 'bins-after');
  cpSync(before.folder, after, { recursive: true });
  const releases = manyReleases(count + 1);
  const publish = await publishOne({ ...before, folder: after }, releases, now);
  const looked = lookUp(
    before.folder,
    before.root,
    after,
    [pathOf(releases, count >> 1), pathOf(releases, count)],
    now,
  );
  const kind = `${count.toLocaleString('en-US')} releases in hash bins`;
  const targets = { wire: '60 kB', cpu: '300 ms', memory: '150 MB' };
  return [
    ...deviceRows(kind, looked, targets),
    { what: `${kind}: publishing one more`, measured: ms(publish), target: '5 s' },
    ...(await serverRows(kind, after, now)),
  ];
}

/** Milliseconds of what a publisher does besides building and sending blobs. */
async function publishOne({ folder, keys }: LargeStore, releases: ReturnType<typeof manyReleases>, now: Date) {
  const store = directoryWriter(folder);
  const begin = performance.now();
  const state = await loadRepository(store);
  const last = releases.at(-1);
  if (!last) throw new Error('no release');
  const { bytes, sha256 } = encodeManifest(last);
  await store.putNew(manifestKey(sha256), bytes);
  const { platform, version, counter } = last;
  const custom = { counter, channels: ['stable'] };
  const digest = { manifestSha256: sha256, manifestLength: bytes.length };
  const entry = { path: pathOf(releases, releases.length - 1), product, platform, version, custom, ...digest };
  const changes = new Map([[product, { releases: [...(state.releases.get(product) ?? []), entry] }]]);
  await commitChanges(store, { state, changes, keys, now, check: async () => undefined });
  return performance.now() - begin;
}

async function serverRows(kind: string, folder: string, now: Date): Promise<Row[]> {
  const catalog = new Catalog(directoryReader(folder));
  const stall = async (when: Date) => {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    await catalog.refresh(when);
    await new Promise((resolve) => setTimeout(resolve, 5));
    delay.disable();
    return delay.max / 1e6;
  };
  const first = await stall(now);
  if (catalog.state.problem) throw catalog.state.problem;
  // Another signature of the timestamp makes it read everything again, but for manifests.
  const store = directoryWriter(folder);
  const timestamp = await store.readWhole('metadata/timestamp.json', 100_000);
  const spaced = Buffer.concat([timestamp?.bytes ?? Buffer.alloc(0), Buffer.from('\n')]);
  await store.compareAndSwap('metadata/timestamp.json', timestamp?.etag ?? '', spaced);
  const again = await stall(now);
  return [
    { what: `${kind}: longest stall of a server that starts`, measured: ms(first) },
    { what: `${kind}: longest stall at its next refresh`, measured: ms(again) },
  ];
}

function deviceRows(
  kind: string,
  { costs: [first, next], peakBytes }: Looked,
  { wire, cpu, memory }: { wire?: string; cpu?: string; memory?: string },
): Row[] {
  const row = (what: string, measured: string, target?: string): Row => ({
    what: `${kind}: ${what}`,
    measured,
    ...(target === undefined ? {} : { target }),
  });
  return [
    row('metadata that a new device fetches', bytesText(first?.wireBytes ?? 0), wire),
    row('metadata for one more release', bytesText(next?.wireBytes ?? 0), wire),
    row('CPU of a new device', ms(first?.cpuMs ?? 0), cpu),
    row('CPU for one more release', ms(next?.cpuMs ?? 0), cpu),
    row('peak memory of that process', bytesText(peakBytes), memory),
  ];
}

interface Looked {
  readonly costs: readonly LookUp[];
  readonly peakBytes: number;
}

function lookUp(
  store: string,
  root: Uint8Array,
  after: string,
  [target, newest]: readonly [string, string],
  now: Date,
): Looked {
  const rootFile = path.join(store, 'root.json');
  writeFileSync(rootFile, root);
  const program = path.join(import.meta.dirname, 'look-up.ts');
  const words = [program, store, rootFile, target, after, newest, now.toISOString()];
  return JSON.parse(execFileSync(process.execPath, words, { encoding: 'utf8' }));
}

function write(repository: SignedRepository, folder: string): void {
  mkdirSync(path.join(folder, 'metadata'), { recursive: true });
  for (const [name, bytes] of repository.files) writeFileSync(path.join(folder, 'metadata', name), bytes);
}

function pathOf(releases: ReturnType<typeof manyReleases>, at: number): string {
  return `${product}/linux-amd64/${releases[at]?.version}/release.json`;
}

const ms = (value: number) => `${Math.round(value)} ms`;
const bytesText = (bytes: number) =>
  bytes > 10e6 ? `${(bytes / 1e6).toFixed(0)} MB` : `${(bytes / 1000).toFixed(1)} kB`;
