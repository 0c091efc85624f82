import { execFileSync } from 'node:child_process';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { silentProgress } from '../../../contract/progress.ts';
import { blobFile } from '../../../packager/release/build-folder.ts';
import { buildRelease } from '../../../packager/release/build-release.ts';
import { noRenderer, Workbench } from '../workbench.ts';

const declaration = {
  ...{ apiVersion: 'slipway/v1', kind: 'Release', product: 'k3s-edge', version: '1.0.0', platform: 'linux/arm64' },
  counter: 1,
};

/** Packs the folder `m` and gives the text that a device installs, and what was said. */
async function packed(bench: Workbench, source = 'm'): Promise<{ text: string; said: readonly string[] }> {
  const components = [{ name: 'app', kind: 'manifests', source }];
  const file = await bench.write('release.yaml', JSON.stringify({ ...declaration, components }));
  const said: string[] = [];
  const say = (line: string) => void said.push(line);
  const manifest = await buildRelease(file, bench.at('out'), noRenderer, silentProgress, say);
  const blob = manifest.components[0]?.blobs[0];
  const bytes = await readFile(blobFile(bench.at('out'), blob?.sha256 ?? ''));
  return { text: (blob?.encoding === 'zstd' ? zstdDecompressSync(bytes) : bytes).toString(), said };
}

const namesOf = (text: string) => [...text.matchAll(/^kind: (.*)$/gm)].map(([, name]) => name);

describe('a folder of manifests', () => {
  it('is packed with the endings in any case and in all folders below', async () => {
    const bench = await Workbench.open();
    for (const name of ['A.YAML', 'B.YML', 'sub/deep/C.Yaml']) await bench.write(`m/${name}`, `kind: ${name}\n`);
    await bench.write('m/D.JSON', '{\n\t"kind": "D"\n}\n');
    const { text } = await packed(bench);
    expect(namesOf(text)).toEqual(['A.YAML', 'B.YML', 'sub/deep/C.Yaml']);
    expect(text).toContain('"kind": "D"');
  });

  it('names each file that it leaves out', async () => {
    const bench = await Workbench.open();
    await bench.write('m/a.yaml', 'kind: A\n');
    for (const name of ['README.md', 'sub/a.yaml.orig', 'yaml']) await bench.write(`m/${name}`, 'kind: B\n');
    const { text, said } = await packed(bench);
    expect(text).toBe('---\nkind: A\n');
    for (const name of ['README.md', 'sub/a.yaml.orig', 'yaml']) {
      expect(said).toContainEqual(expect.stringContaining(`m/${name} is ignored`));
    }
  });

  it('with links to files, to folders and in chains inside it is packed as if they were there', async () => {
    const bench = await Workbench.open();
    await bench.write('m/parts/real.txt', 'kind: File\n');
    await bench.write('m/parts/.data/deep.yaml', 'kind: Deep\n');
    await symlink('parts/real.txt', bench.at('m/one.yaml'));
    await bench.write('m/parts/other.txt', 'kind: Chain\n');
    await symlink('parts/other.txt', bench.at('m/hop'));
    await symlink('hop', bench.at('m/chain.yaml'));
    await symlink(bench.at('m/parts/.data'), bench.at('m/absolute'));
    const { text, said } = await packed(bench);
    expect(namesOf(text)).toEqual(['Deep', 'Chain', 'File']);
    expect(said).toContainEqual(expect.stringContaining('m/parts/.data/deep.yaml is m/absolute/deep.yaml'));
  });

  it('may itself be reached by a link', async () => {
    const bench = await Workbench.open();
    await bench.write('real/a.yaml', 'kind: A\n');
    await symlink('real', bench.at('m'));
    expect((await packed(bench)).text).toBe('---\nkind: A\n');
  });

  const links: [string, (bench: Workbench) => Promise<void>][] = [
    ['a file outside', (bench) => symlink('../outside.yaml', bench.at('m/link.yaml'))],
    ['a file outside by an absolute path', (bench) => symlink(bench.at('outside.yaml'), bench.at('m/link.yaml'))],
    ['a folder outside', (bench) => symlink('../folder', bench.at('m/link.yaml'))],
    ['a folder outside whose name begins alike', (bench) => symlink('../m2', bench.at('m/link.yaml'))],
    [
      'a chain whose end is outside',
      async (bench) => {
        await symlink('../outside.yaml', bench.at('m/hop'));
        await symlink('hop', bench.at('m/link.yaml'));
      },
    ],
    [
      'a chain that goes outside and comes back',
      async (bench) => {
        await symlink('m/a.yaml', bench.at('back'));
        await symlink('../back', bench.at('m/link.yaml'));
      },
    ],
    [
      'a way through a folder outside',
      async (bench) => {
        await symlink('../folder', bench.at('m/away.d'));
        await symlink('away.d/inner.yaml', bench.at('m/link.yaml'));
      },
    ],
    ['itself', (bench) => symlink('link.yaml', bench.at('m/link.yaml'))],
    [
      'another link that leads back',
      async (bench) => {
        await symlink('round', bench.at('m/link.yaml'));
        await symlink('link.yaml', bench.at('m/round'));
      },
    ],
    ['nothing', (bench) => symlink('gone.yaml', bench.at('m/link.yaml'))],
    ['the folder that it lies in', (bench) => symlink('.', bench.at('m/link.yaml'))],
  ];
  it.each(links)('with a link to %s is refused by the name of the link', async (_what, make) => {
    const bench = await Workbench.open();
    await bench.write('m/a.yaml', 'kind: A\n');
    await bench.write('outside.yaml', 'kind: Secret\n');
    await bench.write('folder/inner.yaml', 'kind: Secret\n');
    await bench.write('m2/inner.yaml', 'kind: Secret\n');
    await make(bench);
    const message = expect.stringMatching(/app: m\/(link\.yaml|away\.d) /);
    await expect(packed(bench)).rejects.toMatchObject({ code: 'component-unreadable', message });
  });

  it('with a pipe by the name of a manifest is refused', async () => {
    const bench = await Workbench.open();
    await mkdir(bench.at('m'));
    execFileSync('mkfifo', [bench.at('m/a.yaml')]);
    const message = expect.stringContaining('m/a.yaml is neither a file nor a folder');
    await expect(packed(bench)).rejects.toMatchObject({ code: 'component-unreadable', message });
  });

  it('leaves out files without a document and says so, and is refused when all are', async () => {
    const bench = await Workbench.open();
    await bench.write('m/empty.yaml', '');
    await bench.write('m/comment.yml', '# nothing yet\n---\n# nor here\n');
    await expect(packed(bench)).rejects.toMatchObject({ code: 'component-missing' });
    await bench.write('m/z.yaml', '# about A\n---\nkind: A\n');
    const { text, said } = await packed(bench);
    expect(text).toBe('---\n# about A\n---\nkind: A\n');
    expect(said.filter((line) => line.includes('holds no document'))).toHaveLength(2);
  });
});
