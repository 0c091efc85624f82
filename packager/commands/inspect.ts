/** `inspect` shows what is inside a store, a build or a bundle. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Digest } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import type { ReleaseDistribution } from '../../contract/release/distribution.ts';
import { decodeManifest, type ReleaseManifest } from '../../contract/release/manifest.ts';
import { blobKey, manifestKey } from '../../contract/store-keys.ts';
import { tableText } from '../../system/command-line/table.ts';
import { readPublicKey } from '../../system/signing/key-source.ts';
import type { PublicKey } from '../../system/signing/signing-key.ts';
import type { StoreReader } from '../../system/store/reader.ts';
import { readBundle } from '../bundle/read-bundle.ts';
import { parseSelector, selectRelease } from '../bundle/release-selector.ts';
import { blobFile, readBuild } from '../release/build-folder.ts';
import { isDemo } from '../repository/offline-roles.ts';
import { readManifest } from '../repository/release-manifests.ts';
import { loadRepository } from '../repository/state.ts';
import {
  type AttachmentReport,
  describeAttachments,
  type ReadAttachment,
  writeDocuments,
} from './attachment-report.ts';
import { componentTable } from './component-table.ts';
import { type PackagerContext, withStore } from './context.ts';
import { examples } from './examples.ts';
import { subjectOf } from './subject.ts';

interface Inspection {
  readonly value: object;
  readonly lines: readonly string[];
  /** Of one release. */
  readonly attachments?: AttachmentReport;
}

interface InspectOptions {
  readonly release?: string;
  readonly provenanceKey?: string[];
  readonly attachmentsTo?: string;
}

export function registerInspect(program: Command, context: PackagerContext): void {
  program
    .command('inspect')
    .description('Show what is inside a build, a bundle or a store. Digests of blobs and expiry are for verify.')
    .argument('<what>', 'a build folder, a bundle, or the URL of a store')
    .option('--release <product/os-arch/version>', 'of a store: this release with all that it says')
    .option(
      '--provenance-key <file...>',
      'public keys that the statement of provenance has to be signed by, one of them',
    )
    .option('--attachments-to <dir>', 'write SBOMs, the statement and what upstream signed into this folder')
    .addHelpText(
      'after',
      examples(
        'inspect build',
        'inspect k3s-edge.bundle --json',
        'inspect file:///srv/slipway',
        'inspect file:///srv/slipway --release k3s-edge/linux-arm64/1.33.9 --provenance-key ci.pub.pem --attachments-to papers',
      ),
    )
    .action(async (what: string, options: InspectOptions) => {
      const { value, lines, attachments } = await inspect(context, what, options);
      const { attachmentsTo: folder } = options;
      if (folder === undefined) return context.output.answer(value, lines.join('\n'));
      if (!attachments) {
        throw new SlipwayError('usage', 'a store has many releases: say with --release whose attachments are meant');
      }
      const written = await writeDocuments(folder, attachments.found);
      context.output.answer({ ...value, written }, [...lines, ...written.map((file) => `wrote ${file}`)].join('\n'));
    });
}

async function inspect(context: PackagerContext, what: string, options: InspectOptions): Promise<Inspection> {
  const subject = await subjectOf(what);
  const keys: PublicKey[] = [];
  for (const source of options.provenanceKey ?? []) keys.push(await readPublicKey(source, context.keySurroundings));
  const { release } = options;
  if (subject.kind === 'store') {
    return withStore(context, subject.url, (store) =>
      release === undefined ? inspectStore(store) : inspectRelease(store, release, keys),
    );
  }
  if (release !== undefined) throw new SlipwayError('usage', '--release is for stores');
  if (subject.kind === 'bundle') return inspectBundle(subject.file, keys);
  const { manifest, folder } = await readBuild(subject.folder);
  return inspectManifest('build', manifest, ({ sha256 }) => readFile(blobFile(folder, sha256)), keys);
}

async function inspectManifest(
  what: 'build' | 'bundle' | 'release',
  manifest: ReleaseManifest,
  read: ReadAttachment,
  keys: readonly PublicKey[],
): Promise<Inspection> {
  const { value, lines } = describeManifest(what, manifest);
  const attachments = await describeAttachments(manifest, read, keys);
  const { sboms, provenance, malformedStatements } = attachments;
  const all = { ...value, sboms, provenance, malformedStatements };
  return { value: all, lines: [...lines, ...attachments.lines], attachments };
}

async function inspectRelease(store: StoreReader, text: string, keys: readonly PublicKey[]): Promise<Inspection> {
  const selector = parseSelector(text, 'version');
  const { releases } = await loadRepository(store);
  const found = selectRelease(releases.get(selector.product) ?? [], selector);
  const { manifest } = await readManifest(store, found);
  const read: ReadAttachment = async ({ sha256, length }) => (await store.readWhole(blobKey(sha256), length))?.bytes;
  return inspectManifest('release', manifest, read, keys);
}

function describeManifest(what: 'build' | 'bundle' | 'release', manifest: ReleaseManifest) {
  const { product, version, platform, counter, floors, distribution, onRollback } = manifest;
  const lines = [
    `${what === 'release' ? what : `${what} of`} ${product} ${version} for ${platform}, counter ${counter}`,
    ...(distribution ? [distributionLine(distribution)] : []),
    ...(onRollback ? [`on rollback: ${onRollback}`] : []),
    ...(floors.length > 0 ? [`floors: ${floors.join(', ')}`] : []),
    componentTable(manifest),
  ];
  return { value: { what, manifest }, lines };
}

function distributionLine({ name, version, component, payload }: ReleaseDistribution): string {
  return `${name} ${version} is ${component}${payload ? `, payload ${payload}` : ''}`;
}

async function inspectBundle(file: string, keys: readonly PublicKey[]): Promise<Inspection> {
  let manifest: ReleaseManifest | undefined;
  let blobs = 0;
  const attached = new Map<Digest, Uint8Array>();
  await readBundle(file, {
    async head({ index, members }) {
      const bytes = members.get(manifestKey(index.manifestSha256));
      if (!bytes) throw new SlipwayError('bundle-truncated', 'the bundle has no release.json');
      manifest = decodeManifest(bytes);
    },
    async blob(digest, length, bytes) {
      blobs += 1;
      const isAttached = manifest?.attachments?.some((each) => each.sha256 === digest && each.length === length);
      const chunks: Uint8Array[] = [];
      for await (const chunk of bytes) if (isAttached) chunks.push(chunk);
      if (isAttached) attached.set(digest, Buffer.concat(chunks));
    },
  });
  if (!manifest) throw new SlipwayError('bundle-malformed', 'the bundle has no release.json');
  const found = await inspectManifest('bundle', manifest, async ({ sha256 }) => attached.get(sha256), keys);
  return { ...found, value: { ...found.value, blobs }, lines: [...found.lines, `${blobs} blobs, not verified`] };
}

async function inspectStore(store: StoreReader): Promise<Inspection> {
  const state = await loadRepository(store);
  const releases = [...state.releases.values()].flat();
  const roles = [
    { role: 'root', version: state.root.signed.version, expires: state.root.signed.expires },
    { role: 'targets', version: state.targets.signed.version, expires: state.targets.signed.expires },
    ...[...state.products].map(([role, { version, expires }]) => ({ role, version, expires })),
    { role: 'snapshot', version: state.snapshotVersion, expires: state.snapshotExpires },
    { role: 'timestamp', version: state.timestampVersion, expires: state.timestampExpires },
  ];
  const demo = isDemo(state.root.signed);
  const lines = [
    ...(demo ? ['a demonstration repository: thresholds of 1'] : []),
    tableText(
      ['ROLE', 'VERSION', 'EXPIRES'],
      roles.map((r) => [r.role, String(r.version), r.expires]),
    ),
    '',
    tableText(
      ['RELEASE', 'PLATFORM', 'COUNTER', 'CHANNELS'],
      releases.map(({ product, version, platform, custom }) => [
        `${product} ${version}`,
        platform,
        String(custom.counter),
        custom.channels.join(', ') || '-',
      ]),
    ),
  ];
  return { value: { what: 'store', demo, roles, releases }, lines };
}
