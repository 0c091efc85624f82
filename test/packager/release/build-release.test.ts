import { chmod, mkdir, readFile, symlink, utimes } from 'node:fs/promises';
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { silentProgress } from '../../../contract/progress.ts';
import type { Component } from '../../../contract/release/manifest.ts';
import { elfMachine, type Platform } from '../../../contract/release/platform.ts';
import { commandRenderer } from '../../../packager/adapters/manifest-renderer.ts';
import { blobFile, readBuild, startBuild } from '../../../packager/release/build-folder.ts';
import { buildRelease } from '../../../packager/release/build-release.ts';
import type { ManifestRenderer } from '../../../packager/release/ports.ts';
import { DocumentError } from '../../../system/documents/document.ts';
import { contentOf, noise, noRenderer, Workbench } from '../workbench.ts';

const head =
  'apiVersion: slipway/v1\nkind: Release\nproduct: k3s-edge\nversion: 1.0.0\nplatform: linux/arm64\ncounter: 1\n';

async function buildYaml(bench: Workbench, components: string, renderer: ManifestRenderer = noRenderer) {
  const file = await bench.write('release.yaml', `${head}components:\n${components}`);
  return buildRelease(file, bench.at('out'), renderer, silentProgress);
}

function elf(platform: Platform): Uint8Array {
  const bytes = Buffer.alloc(64);
  bytes.write('\x7fELF\x02\x01\x01', 'latin1');
  bytes.writeUInt16LE(elfMachine[platform], 18);
  return bytes;
}

/** The text of a component, out of its blob. */
async function unpacked(bench: Workbench, component: Component | undefined): Promise<string> {
  const blob = component?.blobs[0];
  const bytes = await readFile(blobFile(bench.at('out'), blob?.sha256 ?? ''));
  return (blob?.encoding === 'zstd' ? zstdDecompressSync(bytes) : bytes).toString();
}

describe('build', () => {
  it('gives the same bytes for the same inputs, in another folder and on another day', async () => {
    const bench = await Workbench.open();
    const content = `${noise(1, 50_000)}${'zeros '.repeat(20_000)}`;
    for (const name of ['here', 'elsewhere/deep']) await bench.build(name, { content });
    await utimes(bench.at('here/server'), 1, 1);
    await bench.build('here', { content });
    const here = await contentOf(bench.at('here.build'));
    expect(Object.keys(here)).toHaveLength(2);
    expect(await contentOf(bench.at('elsewhere/deep.build'))).toEqual(here);
  });

  it('compresses what gets smaller and keeps the rest as it is', async () => {
    const bench = await Workbench.open();
    await bench.write('text', 'the same words again and again '.repeat(1000));
    const random = Buffer.from(noise(2, 40_000), 'base64');
    await bench.write('noise', random);
    await bench.write('empty', '');
    const manifest = await buildYaml(
      bench,
      '  - {name: text, kind: file, source: text}\n  - {name: noise, kind: images, source: noise}\n  - {name: empty, kind: wasm, source: empty}\n',
    );
    const [text, noisy, empty] = manifest.components;
    expect(text?.blobs[0]?.encoding).toBe('zstd');
    expect(noisy?.blobs[0]).toMatchObject({ encoding: 'identity', length: random.length });
    expect(empty?.blobs[0]).toMatchObject({ encoding: 'identity', length: 0 });
    const packed = await readFile(blobFile(bench.at('out'), text?.blobs[0]?.sha256 ?? ''));
    expect(zstdDecompressSync(packed)).toEqual(await readFile(bench.at('text')));
    expect(await readFile(blobFile(bench.at('out'), noisy?.sha256 ?? ''))).toEqual(random);
    expect(manifest.components.map(({ installPath, mode }) => [installPath, mode])).toEqual([
      ['files/text', '0644'],
      ['images/noise.tar', '0644'],
      ['wasm/empty', '0644'],
    ]);
  });

  it('joins a folder of manifests in the order of their paths', async () => {
    const bench = await Workbench.open();
    await bench.write('m/b.yaml', 'kind: B\n');
    await bench.write('m/a/z.yml', '---\nkind: A');
    await bench.write('m/readme.md', 'not a manifest: [');
    const manifest = await buildYaml(bench, '  - {name: app, kind: manifests, source: m}\n');
    expect(await unpacked(bench, manifest.components[0])).toBe('---\nkind: A\n---\nkind: B\n');
  });

  it('packs what the renderers print', async () => {
    const bench = await Workbench.open();
    await mkdir(bench.at('overlay'));
    await mkdir(bench.at('chart'));
    await bench.write('values.yaml', 'a: 1');
    const manifest = await buildYaml(
      bench,
      '  - {name: k, kind: manifests, kustomize: overlay}\n' +
        '  - {name: h, kind: manifests, helm: {chart: chart, values: [values.yaml], releaseName: shop}}\n',
      {
        kustomize: async (folder) => Buffer.from(`kustomize ${folder}`),
        helm: async (chart) => Buffer.from(JSON.stringify(chart)),
      },
    );
    const texts = manifest.components.map((component) => unpacked(bench, component));
    expect(await Promise.all(texts)).toEqual([
      `kustomize ${bench.at('overlay')}`,
      JSON.stringify({
        ...{ chart: bench.at('chart'), values: [bench.at('values.yaml')], releaseName: 'shop', namespace: 'default' },
      }),
    ]);
  });

  it('refuses what renderers print in another encoding, with a directive or without a document', async () => {
    const bench = await Workbench.open();
    await mkdir(bench.at('overlay'));
    const printing = (text: string, encoding?: BufferEncoding): ManifestRenderer => ({
      kustomize: async () => Buffer.from(text, encoding),
      helm: async () => Buffer.from(text, encoding),
    });
    const origins = ['kustomize: overlay', 'helm: {chart: overlay, releaseName: shop}'];
    for (const origin of origins) {
      const build = (renderer: ManifestRenderer) =>
        buildYaml(bench, `  - {name: k, kind: manifests, ${origin}}\n`, renderer);
      const message = expect.stringContaining('overlay as rendered:2:7');
      await expect(build(printing('a: 1\nname: \xe9', 'latin1'))).rejects.toMatchObject({ message });
      await expect(build(printing('%YAML 1.1\n---\na: 1'))).rejects.toMatchObject({ code: 'document-invalid' });
      await expect(build(printing('# nothing\n'))).rejects.toMatchObject({ code: 'component-missing' });
    }
  });

  it('packs a manifest file as it lies there, also by a link, and refuses one that tools read otherwise', async () => {
    const bench = await Workbench.open();
    const text = '# no marker before\r\nkind: A\r\n---\r\nkind: B';
    await bench.write('real.txt', text);
    await symlink('real.txt', bench.at('app.yaml'));
    const manifest = await buildYaml(bench, '  - {name: app, kind: manifests, source: app.yaml}\n');
    expect(await unpacked(bench, manifest.components[0])).toBe(text);
    await bench.write('bad.yaml', Buffer.from('kind: A\nname: \xe9\n', 'latin1'));
    const bad = buildYaml(bench, '  - {name: app, kind: manifests, source: bad.yaml}\n');
    await expect(bad).rejects.toMatchObject({
      code: 'document-invalid',
      message: expect.stringContaining('bad.yaml:2:7'),
    });
  });

  it('refuses a declaration in another encoding with file and line, where a path would become another', async () => {
    const bench = await Workbench.open();
    const text = `${head}components:\n  - {name: a, kind: file, source: gr\xf6\xdfe}\n`;
    const file = await bench.write('release.yaml', Buffer.from(text, 'latin1'));
    const build = buildRelease(file, bench.at('out'), noRenderer, silentProgress);
    const message = expect.stringContaining('release.yaml:8:37');
    await expect(build).rejects.toMatchObject({ code: 'document-invalid', message });
  });

  it('packs a file of any bytes as it is, also by a link, and refuses a link to nothing', async () => {
    const bench = await Workbench.open();
    await bench.write('data/real', Buffer.from([0xff, 0xfe, 0, 1]));
    await symlink('data/real', bench.at('link'));
    await symlink('gone', bench.at('dead'));
    const manifest = await buildYaml(bench, '  - {name: a, kind: file, source: link}\n');
    expect(manifest.components[0]).toMatchObject({ length: 4 });
    const dead = buildYaml(bench, '  - {name: a, kind: images, source: dead}\n');
    await expect(dead).rejects.toMatchObject({ code: 'component-missing' });
  });

  it.each([
    ['an install path inside the manifest', 1, 'release.json/x', 'components.0.installPath'],
    ['a segment that no file system has room for', 1, `bin/${'x'.repeat(300)}`, 'components.0.installPath'],
    ['the counter that nothing can follow', Number.MAX_SAFE_INTEGER, 'a', 'counter'],
    ['a counter that leaves no room for later ones', 2 ** 52 + 1, 'a', 'counter'],
  ])('refuses %s, which no device could install or leave, with its place', async (_what, counter, installPath, at) => {
    const bench = await Workbench.open();
    await bench.write('text', 'text');
    const components = `components:\n  - {name: a, kind: file, source: text, installPath: ${installPath}}\n`;
    const file = await bench.write('release.yaml', `${head.replace('counter: 1', `counter: ${counter}`)}${components}`);
    const error = await buildRelease(file, bench.at('out'), noRenderer, silentProgress).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'document-invalid', hint: expect.any(String) });
    expect(error.problems).toContainEqual(expect.objectContaining({ path: at, line: at === 'counter' ? 6 : 8 }));
    await expect(contentOf(bench.at('out'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('with its manifest edited by hand is refused when it is published', async () => {
    const bench = await Workbench.open();
    const { folder, manifest } = await bench.build('a');
    await bench.write('a.build/release.json', JSON.stringify(manifest, null, 2));
    await expect(readBuild(folder)).rejects.toMatchObject({ code: 'manifest-malformed', hint: expect.any(String) });
  });

  it('says which renderer is missing and keeps the output folder as it was', async () => {
    const bench = await Workbench.open();
    await mkdir(bench.at('overlay'));
    const renderer = commandRenderer({ PATH: bench.at('nothing-here') });
    const kustomize = buildYaml(bench, '  - {name: k, kind: manifests, kustomize: overlay}\n', renderer);
    await expect(kustomize).rejects.toMatchObject({ code: 'renderer-missing', hint: expect.any(String) });
    const helm = buildYaml(bench, '  - {name: k, kind: manifests, helm: {chart: overlay, releaseName: a}}\n', renderer);
    await expect(helm).rejects.toMatchObject({ code: 'renderer-missing', message: expect.stringContaining('helm') });
    await expect(contentOf(bench.at('out'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('runs the renderers of the machine with their arguments and passes their complaint on', async () => {
    const bench = await Workbench.open();
    await mkdir(bench.at('overlay'));
    await bench.write('bin/kubectl', '#!/bin/sh\necho "args: $@" | sed "s,$PWD,,"\n');
    await bench.write('bin/helm', '#!/bin/sh\necho "no such value" >&2\nexit 3\n');
    for (const name of ['kubectl', 'helm']) await chmod(bench.at('bin', name), 0o755);
    const renderer = commandRenderer({ PATH: `${bench.at('bin')}:/usr/bin:/bin` });
    const out = Buffer.from(await renderer.kustomize(bench.at('overlay'))).toString();
    expect(out).toBe(`args: kustomize ${bench.at('overlay')}\n`);
    const failing = buildYaml(
      bench,
      '  - {name: k, kind: manifests, helm: {chart: overlay, releaseName: a}}\n',
      renderer,
    );
    await expect(failing).rejects.toMatchObject({
      code: 'render-failed',
      message: expect.stringContaining('no such value'),
    });
  });

  it.each([
    ['a component that is not there', '  - {name: a, kind: file, source: nowhere}\n', 'component-missing'],
    ['a folder where a file belongs', '  - {name: a, kind: file, source: folder}\n', 'component-unreadable'],
    ['a folder without manifests', '  - {name: a, kind: manifests, source: folder}\n', 'component-missing'],
    ['a manifest that is no YAML', '  - {name: a, kind: manifests, source: broken}\n', 'document-invalid'],
    ['a device in place of a file', '  - {name: a, kind: file, source: device}\n', 'component-unreadable'],
    ['a binary for another platform', '  - {name: a, kind: binary, source: amd64}\n', 'platform-mismatch'],
    ['a binary that is none', '  - {name: a, kind: binary, source: text}\n', 'platform-mismatch'],
    ['an unknown key', '  - {name: a, kind: file, source: text, sauce: text}\n', 'document-invalid'],
    ['no origin', '  - {name: a, kind: file}\n', 'document-invalid'],
    ['two origins', '  - {name: a, kind: manifests, source: text, kustomize: folder}\n', 'document-invalid'],
    ['a rendered binary', '  - {name: a, kind: binary, kustomize: folder}\n', 'document-invalid'],
    [
      'a path out of the slot',
      '  - {name: a, kind: file, source: text, installPath: ../etc/passwd}\n',
      'document-invalid',
    ],
    [
      'a name twice',
      '  - {name: a, kind: file, source: text}\n  - {name: a, kind: wasm, source: text}\n',
      'document-invalid',
    ],
  ])('refuses %s and writes nothing', async (_what, components, code) => {
    const bench = await Workbench.open();
    await mkdir(bench.at('folder'));
    await bench.write('text', 'text');
    await bench.write('amd64', elf('linux/amd64'));
    await bench.write('broken/x.yaml', 'a: [1');
    await symlink('/dev/zero', bench.at('device'));
    await expect(buildYaml(bench, components)).rejects.toMatchObject({ code });
    await expect(contentOf(bench.at('out'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('takes a binary of the declared platform', async () => {
    const bench = await Workbench.open();
    await bench.write('arm64', elf('linux/arm64'));
    const manifest = await buildYaml(bench, '  - {name: a, kind: binary, source: arm64}\n');
    expect(manifest.components[0]).toMatchObject({ installPath: 'bin/a', mode: '0755' });
  });

  it('names line and column of an unknown key', async () => {
    const bench = await Workbench.open();
    const file = await bench.write('release.yaml', `${head}coutner: 3\ncomponents: []\n`);
    const error = await buildRelease(file, bench.at('out'), noRenderer, silentProgress).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(DocumentError);
    expect(error.problems).toContainEqual(expect.objectContaining({ line: 7, column: 1, path: 'coutner' }));
  });

  it('says that the declaration is not there', async () => {
    const bench = await Workbench.open();
    const missing = buildRelease(bench.at('none.yaml'), bench.at('out'), noRenderer, silentProgress);
    await expect(missing).rejects.toMatchObject({ code: 'document-unreadable' });
  });

  it('never lets an unfinished build look finished, and finishes it when run again', async () => {
    const bench = await Workbench.open();
    const { folder } = await bench.build('a');
    await bench.write('a.build/.building', '');
    await expect(readBuild(folder)).rejects.toMatchObject({ code: 'build-incomplete' });
    await startBuild(folder);
    await bench.write('a.build/.server.zst.tmp', 'half');
    await expect(readBuild(folder)).rejects.toMatchObject({ code: 'build-incomplete' });
    await expect(readBuild(bench.at('nowhere'))).rejects.toMatchObject({ code: 'build-incomplete' });
    await bench.build('a');
    await bench.build('b');
    expect(await contentOf(folder)).toEqual(await contentOf(bench.at('b.build')));
  });

  it('does not empty a folder that holds something else', async () => {
    const bench = await Workbench.open();
    await bench.write('out/precious.txt', 'mine');
    await bench.write('text', 'text');
    const refused = buildYaml(bench, '  - {name: a, kind: file, source: text}\n');
    await expect(refused).rejects.toMatchObject({ code: 'usage' });
    expect(Object.keys(await contentOf(bench.at('out')))).toEqual(['precious.txt']);
  });
});
