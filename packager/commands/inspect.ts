/** `inspect` shows what is inside a store, a build or a bundle. */
import type { Command } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import type { ReleaseDistribution } from '../../contract/release/distribution.ts';
import { decodeManifest, type ReleaseManifest } from '../../contract/release/manifest.ts';
import { manifestKey } from '../../contract/store-keys.ts';
import { tableText } from '../../system/command-line/table.ts';
import type { StoreReader } from '../../system/store/reader.ts';
import { readBundle } from '../bundle/read-bundle.ts';
import { readBuild } from '../release/build-folder.ts';
import { isDemo } from '../repository/offline-roles.ts';
import { loadRepository } from '../repository/state.ts';
import { componentTable } from './component-table.ts';
import { type PackagerContext, withStore } from './context.ts';
import { examples } from './examples.ts';
import { subjectOf } from './subject.ts';

interface Inspection {
  readonly value: object;
  readonly lines: readonly string[];
}

export function registerInspect(program: Command, context: PackagerContext): void {
  program
    .command('inspect')
    .description('Show what is inside a build, a bundle or a store. Digests of blobs and expiry are for verify.')
    .argument('<what>', 'a build folder, a bundle, or the URL of a store')
    .addHelpText('after', examples('inspect build', 'inspect k3s-edge.bundle --json', 'inspect file:///srv/slipway'))
    .action(async (what: string) => {
      const subject = await subjectOf(what);
      const inspection =
        subject.kind === 'store'
          ? await withStore(context, subject.url, inspectStore)
          : subject.kind === 'build'
            ? describeManifest('build', (await readBuild(subject.folder)).manifest)
            : await inspectBundle(subject.file);
      context.output.answer(inspection.value, inspection.lines.join('\n'));
    });
}

function describeManifest(what: 'build' | 'bundle', manifest: ReleaseManifest): Inspection {
  const { product, version, platform, counter, floors, distribution, onRollback } = manifest;
  const lines = [
    `${what} of ${product} ${version} for ${platform}, counter ${counter}`,
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

async function inspectBundle(file: string): Promise<Inspection> {
  let manifest: ReleaseManifest | undefined;
  let blobs = 0;
  await readBundle(file, {
    async head({ index, members }) {
      const bytes = members.get(manifestKey(index.manifestSha256));
      if (!bytes) throw new SlipwayError('bundle-truncated', 'the bundle has no release.json');
      manifest = decodeManifest(bytes);
    },
    async blob(_digest, _length, bytes) {
      blobs += 1;
      for await (const _ of bytes);
    },
  });
  if (!manifest) throw new SlipwayError('bundle-malformed', 'the bundle has no release.json');
  const { value, lines } = describeManifest('bundle', manifest);
  return { value: { ...value, blobs }, lines: [...lines, `${blobs} blobs, not verified`] };
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
