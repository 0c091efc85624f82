import { appendFile, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { extract, type Header, pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { silentProgress } from '../../../contract/progress.ts';
import { blobKey, manifestKey } from '../../../contract/store-keys.ts';
import { readTable } from '../../../edge-updater/bundle/bundle-file.ts';
import { readBundle } from '../../../packager/bundle/read-bundle.ts';
import { parseSelector } from '../../../packager/bundle/release-selector.ts';
import { writeBundle } from '../../../packager/bundle/write-bundle.ts';
import { createRepository } from '../../../packager/publish/create-repository.ts';
import { blobFile, readBuild } from '../../../packager/release/build-folder.ts';
import { buildRelease } from '../../../packager/release/build-release.ts';
import { verifyBuild } from '../../../packager/verify/verify-build.ts';
import { verifyBundle } from '../../../packager/verify/verify-bundle.ts';
import { verifyStore } from '../../../packager/verify/verify-store.ts';
import { directoryWriter } from '../../../system/store/directory-writer.ts';
import type { StoreWriter } from '../../../system/store/writer.ts';
import { daysLater, newKey, openRepository, publish, start } from '../repository-fixture.ts';
import { noRenderer, Workbench } from '../workbench.ts';

interface Published {
  readonly bench: Workbench;
  readonly store: StoreWriter;
  readonly root: Uint8Array;
  readonly manifestSha256: string;
  /** A compressed blob and one that is not. */
  readonly blobs: readonly string[];
}

/** A store with one release of two components, made by the program itself. */
async function published(): Promise<Published> {
  const bench = await Workbench.open();
  await bench.write('a/server', `#!/bin/sh\n${'the same line\n'.repeat(500)}`);
  await bench.write('a/page', 'hello');
  const declaration = {
    ...{ apiVersion: 'slipway/v1', kind: 'Release', product: 'k3s-edge', version: '1.0.0', platform: 'linux/amd64' },
    counter: 1,
    components: [
      { name: 'server', kind: 'binary', source: 'server' },
      { name: 'page', kind: 'file', source: 'page' },
    ],
  };
  await bench.write('a/release.yaml', JSON.stringify(declaration));
  await buildRelease(bench.at('a/release.yaml'), bench.at('build'), noRenderer, silentProgress);
  const { store, root } = await openRepository(bench);
  const build = await readBuild(bench.at('build'));
  const { manifestSha256 } = await publish(bench, store, 'a', { build });
  const blobs = build.manifest.components.map((component) => component.blobs[0]?.sha256 ?? '');
  return { bench, store, root, manifestSha256, blobs };
}

async function flip(file: string, at = -1): Promise<void> {
  const bytes = await readFile(file);
  const position = at < 0 ? bytes.length + at : at;
  bytes[position] = (bytes[position] ?? 0) ^ 1;
  await writeFile(file, bytes);
}

const now = () => start;
const verifies = ({ store, root }: Published) => verifyStore(store, root, now(), silentProgress);

describe('verify of a store', () => {
  it('finds a sound store sound, and says how long', async () => {
    const found = await published();
    expect(await verifies(found)).toMatchObject({ releases: 1, blobs: 2, signatures: 5, rootPinned: true });
    expect(await verifyStore(found.store, undefined, now(), silentProgress)).toMatchObject({ rootPinned: false });
  });

  it('finds each tampered, cut and missing object by its code', async () => {
    const found = await published();
    const [packed = '', plain = ''] = found.blobs;
    const tampering: [string, (file: string) => Promise<void>, string][] = [
      [blobKey(plain), flip, 'digest-mismatch'],
      [blobKey(packed), flip, 'compression-invalid'],
      [blobKey(plain), (file) => truncate(file, 3), 'length-mismatch'],
      [blobKey(plain), (file) => appendFile(file, 'x'), 'length-mismatch'],
      [blobKey(plain), rm, 'blob-missing'],
      [manifestKey(found.manifestSha256), flip, 'digest-mismatch'],
      [manifestKey(found.manifestSha256), (file) => appendFile(file, ' '), 'length-mismatch'],
      [manifestKey(found.manifestSha256), rm, 'blob-missing'],
      ['metadata/2.k3s-edge.json', (file) => flip(file, 40), 'metadata-mismatched'],
      ['metadata/1.targets.json', (file) => flip(file, 40), 'metadata-mismatched'],
      ['metadata/2.snapshot.json', rm, 'metadata-missing'],
      ['metadata/timestamp.json', (file) => truncate(file, 20), 'metadata-malformed'],
      ['metadata/timestamp.json', resign, 'metadata-signature-invalid'],
    ];
    for (const [key, tamper, code] of tampering) {
      const file = path.join(found.bench.at('store'), key);
      const original = await readFile(file);
      await tamper(file);
      await expect(verifies(found), `${key} ${code}`).rejects.toMatchObject({ code });
      await writeFile(file, original);
    }
    expect(await verifies(found)).toMatchObject({ blobs: 2 });
  });

  it('shows all damage of one run', async () => {
    const found = await published();
    for (const digest of found.blobs) await rm(path.join(found.bench.at('store'), blobKey(digest)));
    await expect(verifies(found)).rejects.toMatchObject({ message: expect.stringContaining('2 findings') });
  });

  it('refuses metadata that has expired by the clock of this machine', async () => {
    const { store, root } = await published();
    const later = daysLater(2);
    await expect(verifyStore(store, root, later, silentProgress)).rejects.toMatchObject({ code: 'metadata-expired' });
  });
});

/** Changes the signature, so that the document stays well-formed. */
async function resign(file: string): Promise<void> {
  const document = JSON.parse(await readFile(file, 'utf8'));
  document.signatures[0].sig = document.signatures[0].sig.replace(/^../, '00').replace(/..$/, '11');
  await writeFile(file, JSON.stringify(document));
}

describe('verify of a build', () => {
  it('finds a changed blob', async () => {
    const { bench, blobs } = await published();
    expect(await verifyBuild(await readBuild(bench.at('build')), silentProgress)).toMatchObject({ blobs: 2 });
    await flip(blobFile(bench.at('build'), blobs[1] ?? ''));
    const damaged = verifyBuild(await readBuild(bench.at('build')), silentProgress);
    await expect(damaged).rejects.toMatchObject({ code: 'digest-mismatch' });
  });
});

describe('a bundle', () => {
  const selector = parseSelector('k3s-edge/linux/amd64/1.0.0', 'version');
  const bundle = (
    { store, root, bench }: Pick<Published, 'store' | 'root' | 'bench'>,
    name = 'x.bundle',
    of = selector,
  ) =>
    writeBundle({ store, selector: of, file: bench.at(name), pinnedRoot: root, now: now(), progress: silentProgress });
  const check = ({ root, bench }: Published, name = 'x.bundle') =>
    verifyBundle(bench.at(name), root, now(), silentProgress);

  it('carries a release that verifies against the pinned root, the same bytes each time', async () => {
    const found = await published();
    await bundle(found);
    await bundle(found, 'again.bundle');
    expect(await check(found)).toMatchObject({ what: 'bundle', releases: 1, blobs: 2, signatures: 5 });
    expect(await readFile(found.bench.at('again.bundle'))).toEqual(await readFile(found.bench.at('x.bundle')));
    const byChannel = parseSelector('k3s-edge/linux-amd64/stable', 'channel');
    await bundle(found, 'c.bundle', byChannel);
    expect(await readFile(found.bench.at('c.bundle'))).toEqual(await readFile(found.bench.at('x.bundle')));
  });

  it('of a release with two components of equal bytes holds them once, and devices read it', async () => {
    const bench = await Workbench.open();
    const line = 'the same line\n'.repeat(500);
    await bench.write('a/page', line);
    await bench.write('a/copy', line);
    const { product, platform, version } = selector;
    const components = ['page', 'copy'].map((name) => ({ name, kind: 'file', source: name }));
    const declaration = {
      apiVersion: 'slipway/v1',
      kind: 'Release',
      product,
      version,
      platform,
      counter: 1,
      components,
    };
    await bench.write('a/release.yaml', JSON.stringify(declaration));
    await buildRelease(bench.at('a/release.yaml'), bench.at('build'), noRenderer, silentProgress);
    const { store, root } = await openRepository(bench);
    const build = await readBuild(bench.at('build'));
    await publish(bench, store, 'a', { build });
    await bundle({ store, root, bench });
    expect(await verifyBundle(bench.at('x.bundle'), root, now(), silentProgress)).toMatchObject({ blobs: 1 });
    const { blobs } = await readTable(bench.at('x.bundle'));
    expect([...blobs.keys()]).toEqual([build.manifest.components[0]?.blobs[0]?.sha256]);
    expect(build.manifest.components.map(({ blobs: own }) => own[0]?.sha256)).toEqual([
      ...blobs.keys(),
      ...blobs.keys(),
    ]);
    expect(await verifyBuild(build, silentProgress)).toMatchObject({ blobs: 1 });
    expect(await verifyStore(store, root, now(), silentProgress)).toMatchObject({ blobs: 1 });
  });

  it('is not written at all when the store lacks the release or has a damaged blob', async () => {
    const found = await published();
    const other = { ...selector, version: '9.9.9' };
    await expect(bundle(found, 'x.bundle', other)).rejects.toMatchObject({ code: 'release-unknown' });
    await flip(path.join(found.bench.at('store'), blobKey(found.blobs[1] ?? '')));
    await expect(bundle(found)).rejects.toMatchObject({ code: 'digest-mismatch' });
    await expect(readFile(found.bench.at('x.bundle'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is refused as truncated wherever it is cut', async () => {
    const found = await published();
    await bundle(found);
    const whole = await readFile(found.bench.at('x.bundle'));
    for (const length of [0, 100, 512, 1024, 4096, whole.length - 2048, whole.length - 1024, whole.length - 1]) {
      await writeFile(found.bench.at('cut.bundle'), whole.subarray(0, length));
      await expect(check(found, 'cut.bundle'), `${length}`).rejects.toMatchObject({ code: 'bundle-truncated' });
    }
  });

  it('is refused when a blob is missing, changed or not named by the manifest', async () => {
    const found = await published();
    await bundle(found);
    const [packed = '', plain = ''] = found.blobs;
    const cases: [string, Edit, string][] = [
      ['missing', (member) => (member.name === blobKey(plain) ? [] : [member]), 'bundle-truncated'],
      [
        'changed',
        (member) => [member.name === blobKey(plain) ? { ...member, bytes: Buffer.from('HELLO') } : member],
        'digest-mismatch',
      ],
      [
        'packed',
        (member) => [member.name === blobKey(packed) ? { ...member, bytes: Buffer.from('zstd?') } : member],
        'compression-invalid',
      ],
      [
        'foreign',
        (member) => [{ ...member, name: member.name === blobKey(plain) ? blobKey('f'.repeat(64)) : member.name }],
        'bundle-malformed',
      ],
      ['no manifest', (member) => (member.name.startsWith('targets/') ? [] : [member]), 'bundle-truncated'],
    ];
    for (const [name, edit, code] of cases) {
      await rewrite(found.bench, edit);
      await expect(check(found, 'edited.bundle'), name).rejects.toMatchObject({ code });
    }
  });

  it.each<[string, Partial<Member>]>([
    ['a path out of it', { name: '../../etc/passwd' }],
    ['an absolute path', { name: '/etc/passwd' }],
    ['a name of another kind', { name: 'blobs/sha256/ab/not-a-digest' }],
    ['a symbolic link', { type: 'symlink', linkname: '/etc/passwd' }],
    ['a hard link', { type: 'link', linkname: 'bundle.json' }],
    ['a device', { type: 'character-device' }],
    ['a folder', { type: 'directory' }],
    ['a second copy', { name: 'bundle.json' }],
  ])('with %s in it is refused', async (_what, change) => {
    const found = await published();
    await bundle(found);
    // Before the trusted part ends, and after it.
    for (const place of ['bundle.json', blobKey(found.blobs[0] ?? '')]) {
      await rewrite(found.bench, (member) => (member.name === place ? [member, { ...member, ...change }] : [member]));
      await expect(check(found, 'edited.bundle'), place).rejects.toMatchObject({ code: 'bundle-malformed' });
    }
  });

  it('with its metadata behind its blobs, or without an index, is refused', async () => {
    const found = await published();
    await bundle(found);
    const behind: Member[] = [];
    await rewrite(found.bench, (member) => {
      if (member.name.startsWith('targets/')) {
        behind.push(member);
        return [];
      }
      return member.name === blobKey(found.blobs[0] ?? '') ? [member, ...behind] : [member];
    });
    const head = readBundle(found.bench.at('edited.bundle'), { head: async () => undefined, blob: drain });
    await expect(head).rejects.toMatchObject({ code: 'bundle-malformed' });
    await rewrite(found.bench, (member) => (member.name === 'bundle.json' ? [] : [member]));
    await expect(check(found, 'edited.bundle')).rejects.toMatchObject({ code: 'bundle-malformed' });
  });

  it('under another root is refused', async () => {
    const found = await published();
    await bundle(found);
    const one = { keys: [newKey()], threshold: 1 };
    const keys = { root: one, targets: one, online: one, products: new Map([['k3s-edge', one]]) };
    const other = await createRepository(directoryWriter(found.bench.at('other')), keys, start, true);
    const foreign = verifyBundle(found.bench.at('x.bundle'), other.bytes, now(), silentProgress);
    await expect(foreign).rejects.toMatchObject({ code: 'metadata-signature-invalid' });
  });
});

interface Member {
  readonly name: string;
  readonly type: NonNullable<Header['type']>;
  readonly linkname?: string;
  readonly bytes: Buffer;
}

type Edit = (member: Member) => Member[];

async function drain(_digest: string, _length: number, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of bytes);
}

/** Copies x.bundle to edited.bundle, member by member. */
async function rewrite(bench: Workbench, edit: Edit): Promise<void> {
  const source = extract();
  source.end(await readFile(bench.at('x.bundle')));
  const target = pack();
  const written = collect(target as unknown as AsyncIterable<Buffer>);
  for await (const entry of source) {
    const bytes = await collect(entry as unknown as AsyncIterable<Buffer>);
    for (const member of edit({ name: entry.header.name, type: 'file', bytes })) {
      const { bytes: content, ...header } = member;
      if (header.type === 'file') target.entry(header, content);
      else target.entry(header);
    }
  }
  target.finalize();
  await writeFile(bench.at('edited.bundle'), await written);
}

async function collect(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}
