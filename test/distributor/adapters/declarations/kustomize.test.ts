import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { rolloutFiles } from '../../../../distributor/adapters/declarations/rollout-files.ts';
import { namespaceCommand, runWithoutNetwork } from '../../../../distributor/adapters/declarations/without-network.ts';
import { gitSource } from '../../../../distributor/adapters/git/source.ts';
import { parsePlan } from '../../../../distributor/declaration/plan.ts';
import { diffPlans } from '../../../../distributor/reconcile/diff.ts';
import { program } from '../../../corpus/programs.ts';
import { missingCommands } from '../../../services/commands.ts';
import { GitAuthor, GitServer } from '../../../services/git-server.ts';
import { describeUnless } from '../../../services/requirement.ts';

const example = path.join(import.meta.dirname, '../../../../infra/rollouts/example');
const pollSeconds = 60;

/** A folder whose `kubectl` is the real one. */
let withKubectl: string;
let folder: string;
beforeAll(async () => {
  withKubectl = await mkdtemp(path.join(tmpdir(), 'kubectl-'));
  await symlink(await program('kubectl-1.33.9'), path.join(withKubectl, 'kubectl'));
}, 300_000);
afterAll(() => rm(withKubectl, { recursive: true, force: true }));
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'kustomize-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function filesOf(place: string, PATH = withKubectl) {
  return (await rolloutFiles({ place, pollSeconds }, { PATH }).read(undefined)).files();
}
const planOf = async (place: string, PATH?: string) => parsePlan(await filesOf(place, PATH));
const code = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: { code: string }) => error.code,
  );

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), text);
  }
}

/** One for each way that a kustomization names a file or a folder, and for some that it may get. */
const unfetched = (address: string): readonly string[] => [
  `bases: ["${address}/x"]`,
  `components: ["${address}/x"]`,
  `crds: ["${address}/x"]`,
  `configurations: ["${address}/x"]`,
  `generators: ["${address}/x"]`,
  `transformers: ["${address}/x"]`,
  `validators: ["${address}/x"]`,
  `openapi: {path: "${address}/x"}`,
  `replacements: [{path: "${address}/x"}]`,
  `patchesStrategicMerge: ["${address}/x"]`,
  `patchesJson6902: [{target: {version: v1, kind: X, name: a}, path: "${address}/x"}]`,
  `configMapGenerator: [{name: c, files: ["k=${address}/x"]}]`,
  `configMapGenerator: [{name: c, envs: ["${address}/x"]}]`,
  `helmCharts: [{name: c, repo: "${address}"}]`,
  `someday: {deep: [{inside: "${address}/x"}]}`,
  `transformers:\n  - |-\n    apiVersion: builtin\n    kind: PatchTransformer\n    metadata: {name: x}\n    path: ${address}/x`,
  `transformers:\n  - |-\n    apiVersion: builtin\n    kind: ReplacementTransformer\n    metadata: {name: x}\n    replacements: [{path: ${address}/x}]`,
  'components: ["git@git.example.com:fleet.git"]',
  'components: ["github.com/example/fleet"]',
  'components: ["file:///srv/git/fleet"]',
  'components: ["git.example.com/fleet?ref=main"]',
  'components: ["HTTPS://git.example.com/fleet"]',
  'commonAnnotations: {docs: "https://wiki.example.com"}',
];

const ambiguous = (address: string): readonly string[] => [
  `components: [!!binary ${Buffer.from(`${address}/x`).toString('base64')}]`,
  `# a note\u2028components: ["${address}/x"]`,
  `# a note\rcomponents: ["${address}/x"]`,
  `components: ["${address}/x"]\nresources: [b.yaml]`,
];

const prefixing = `apiVersion: builtin
kind: PrefixTransformer
metadata: {name: x}
prefix: x-
fieldSpecs: [{path: metadata/name}]
`;

describe('the example', () => {
  it('means the same read as it is and rendered by kubectl', async () => {
    const asItIs = await planOf(example, '/nowhere');
    expect(asItIs.rollouts).toMatchObject([{ name: 'k3s-1-33-9', group: 'field' }]);
    // A prefix that is empty makes it more than a list, and changes nothing.
    await write({ 'kustomization.yaml': `resources: [base]\nnamePrefix: ""\n` });
    await mkdir(path.join(folder, 'base'));
    for (const name of ['kustomization.yaml', 'fleet.yaml', 'groups.yaml', 'k3s-1.33.9.yaml']) {
      await copyFile(path.join(example, 'base', name), path.join(folder, 'base', name));
    }
    expect((await filesOf(folder))[0]?.name).toContain('as Kustomize renders it');
    expect(diffPlans(asItIs, await planOf(folder))).toEqual([]);
  });

  it('is changed by its overlays as they say', async () => {
    const base = await planOf(example);
    const production = await planOf(path.join(example, 'overlays/production'));
    expect(
      production.rollouts.map(({ name, after, abort, gate }) => ({
        name,
        after,
        revert: abort.revert,
        checks: gate.checks.length,
      })),
    ).toEqual([
      { name: 'k3s-1-33-9', after: ['k3s-1-33-9-lab'], revert: true, checks: 2 },
      { name: 'k3s-1-33-9-lab', after: [], revert: false, checks: 0 },
    ]);
    expect(production.groups).toEqual(base.groups);
    const staging = await planOf(path.join(example, 'overlays/staging'));
    expect(staging.rollouts).toMatchObject([
      { target: { channel: 'candidate' }, waves: [{ name: 'one' }, { name: 'all' }] },
    ]);
    expect(staging.fleet).toMatchObject({ pollSeconds: 60, labels: base.fleet.labels });
  });
});

describe('a Kustomize folder', () => {
  it('that only lists files is read without Kustomize, with the lines that a person wrote', async () => {
    await write({ 'kustomization.yaml': 'resources: [deep]', 'deep/kustomization.yml': 'resources: [a.yaml]' });
    await write({ 'deep/a.yaml': 'kind: Rollout', 'unlisted.yaml': 'kind: Nonsense' });
    const files = await filesOf(folder, '/nowhere');
    expect(files).toEqual([{ name: path.join(folder, 'deep/a.yaml'), text: 'kind: Rollout' }]);
  });

  it('that does more has its code where there is no Kustomize, and where Kustomize refuses it', async () => {
    await write({
      'kustomization.yaml': 'resources: [a.yaml]\nnamePrefix: x-',
      'a.yaml': 'apiVersion: v1\nkind: X\nmetadata: {name: a}',
    });
    expect(await code(filesOf(folder, '/nowhere'))).toBe('renderer-missing');
    expect((await filesOf(folder))[0]?.text).toContain('name: x-a');
    await write({ 'kustomization.yaml': 'resources: [none.yaml]\n' });
    expect(await code(filesOf(folder))).toBe('render-failed');
    await write({ 'kustomization.yaml': 'resources: [../outside.yaml]\n' });
    expect(await code(filesOf(folder))).toBe('render-failed');
  });

  it('fetches nothing by URL, neither itself nor through a base, a patch or a proxy', async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.end('apiVersion: v1\nkind: X\nmetadata: {name: a}\n');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const render = (text: string) => write({ 'kustomization.yaml': text }).then(() => code(filesOf(folder)));
    await write({ 'base/kustomization.yaml': `resources: ["${address}/a.yaml"]` });
    await write({ 'a.yaml': 'apiVersion: v1\nkind: X\nmetadata: {name: a}\n' });
    expect(await render(`resources: ["${address}/a.yaml"]`)).toBe('render-failed');
    expect(await render('resources: [base]')).toBe('render-failed');
    expect(await render(`resources: [a.yaml]\npatches: [{path: "${address}/a.yaml"}]`)).toBe('render-failed');
    expect(await render(`resources: ["git::${address}/fleet.git//x?ref=main"]`)).toBe('render-failed');
    expect(asked).toEqual([]);
    // In whatever field it is.
    for (const field of unfetched(address)) {
      await write({ 'kustomization.yaml': `resources: [a.yaml]\n${field}` });
      const error = await filesOf(folder).catch((thrown: Error) => thrown);
      expect(error, field).toMatchObject({ message: expect.stringContaining('nothing is fetched by URL') });
    }
    // Where two readers of YAML could take it for different things, too.
    for (const text of ambiguous(address)) expect(await render(`resources: [a.yaml]\n${text}`)).toBe('render-failed');
    await writeFile(
      path.join(folder, 'kustomization.yaml'),
      Buffer.from(`resources: ["${address}/a.yaml"]`, 'utf16le'),
    );
    expect(await code(filesOf(folder))).toBe('render-failed');
    await write({ 'plugins/kustomization.yaml': 'resources: [../plugin.yaml]' });
    await write({
      'plugin.yaml': `apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: x}\npath: ${address}/a`,
    });
    expect(await render('resources: [a.yaml]\ntransformers: [plugin.yaml]')).toBe('render-failed');
    expect(await render('resources: [a.yaml]\ntransformers: [plugins]')).toBe('render-failed');
    expect(asked).toEqual([]);
    // What is data in a patch may look like an address, and a transformer without one does its work.
    const patch = `patches: [{target: {kind: X}, patch: '[{"op": "add", "path": "/docs", "value": "${address}"}]'}]`;
    expect(await render(`resources: [a.yaml]\n${patch}`)).toBe('done');
    await write({ 'plugin.yaml': prefixing });
    expect(await render('resources: [a.yaml]\ntransformers: [plugin.yaml]')).toBe('done');
    expect((await filesOf(folder))[0]?.text).toContain('name: x-a');
    server.close();
  }, 120_000);

  it('has no network while it is rendered, where the system can do that', async ({ skip }) => {
    if ((await namespaceCommand()) === undefined) skip('no network namespaces here');
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const connect = `require('net').connect(${port}, '127.0.0.1').on('error', (e) => { console.log(e.code); })
      .on('connect', () => { console.log('reached'); process.exit(); })`;
    const bounds = { maxOutputBytes: 1000, timeoutMs: 30_000 };
    expect(await runWithoutNetwork(process.execPath, ['-e', connect], bounds)).toMatch(/^(ENETUNREACH|ECONNREFUSED)/);
    server.close();
  });

  it('that is too much for a reader is refused with its place, in a moment', async () => {
    await write({ 'kustomization.yaml': `resources: []\n${'['.repeat(20_000)}` });
    await expect(filesOf(folder)).rejects.toMatchObject({
      code: 'render-failed',
      message: expect.stringMatching(/kustomization\.yaml:2:\d+: nested deeper/),
    });
    await write({ 'kustomization.yaml': `resources: []\n${'#\n'.repeat(200_000)}` });
    await expect(filesOf(folder)).rejects.toMatchObject({ message: expect.stringContaining('it is longer than') });
  });

  it('inside a folder of plain files is refused by name', async () => {
    await write({ 'a.yaml': '', 'overlays/x/kustomization.yaml': 'resources: []' });
    const error = await filesOf(folder).catch((thrown) => thrown);
    expect(error).toMatchObject({
      code: 'document-invalid',
      problems: [{ file: path.join(folder, 'overlays/x/kustomization.yaml') }],
    });
  });
});

describeUnless(missingCommands('git'), 'an overlay in Git', () => {
  it('takes its base from beside its own folder', async () => {
    const server = await GitServer.start(path.join(folder, 'served'));
    const author = await GitAuthor.open(path.join(folder, 'author'), server.url);
    const document = { apiVersion: 'slipway/v1', kind: 'Group', metadata: { name: 'g' }, spec: { selector: {} } };
    await author.push('overlay', {
      'fleet/base/kustomization.yaml': 'resources: [g.yaml]',
      'fleet/base/g.yaml': JSON.stringify(document),
      'fleet/overlays/p/kustomization.yaml': 'resources: [../../base]\nnamePrefix: p-\n',
      'fleet/huge.yaml': '#'.repeat(2_000_000),
    });
    const place = { url: server.url, branch: 'main', path: 'fleet/overlays/p', pollSeconds };
    const git = { ...place, credentialsFile: undefined, caFile: undefined, mirrors: path.join(folder, 'state') };
    const source = gitSource(git, { PATH: `${withKubectl}:${process.env.PATH}` });
    const files = await (await source.read(undefined)).files();
    await server.down();
    expect(files).toMatchObject([{ name: 'fleet/overlays/p (as Kustomize renders it)' }]);
    expect(parsePlan(files).groups).toMatchObject([{ name: 'p-g' }]);
  });
});
