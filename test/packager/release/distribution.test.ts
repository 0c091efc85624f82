/** What a build says of the K3s or K0s inside: read from the binary, stated in release.yaml, or both. */
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { toSlipwayError } from '../../../contract/errors.ts';
import { silentProgress } from '../../../contract/progress.ts';
import type { ReleaseManifest } from '../../../contract/release/manifest.ts';
import { buildRelease } from '../../../packager/release/build-release.ts';
import { missingCommands } from '../../services/commands.ts';
import { describeUnless } from '../../services/requirement.ts';
import { makeK0s } from '../../stand-ins/k0s/release.ts';
import { type MadeK3s, makeK3s } from '../../stand-ins/k3s/release.ts';
import { commandsOfStandIns } from '../../stand-ins/launcher.ts';
import { noRenderer, Workbench } from '../workbench.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'stated-distribution-'));
let k3s: MadeK3s;
let k0s: string;
const said: string[] = [];

interface Declared {
  readonly version?: string;
  /** Lines of YAML behind the head. */
  readonly more?: string;
  readonly binaries?: readonly ('k3s' | 'k0s' | 'script')[];
}

async function build({ version = '2026.11.0', more = '', binaries = ['k3s'] }: Declared): Promise<ReleaseManifest> {
  const bench = await Workbench.open();
  await bench.write('script', '#!/bin/sh\n');
  copyFileSync(k3s.program, bench.at('k3s'));
  copyFileSync(k0s, bench.at('k0s'));
  chmodSync(bench.at('k3s'), 0o755);
  const head = `apiVersion: slipway/v1\nkind: Release\nproduct: edge\nversion: ${version}\nplatform: linux/amd64\ncounter: 1\n`;
  const components = binaries.map((name) => `  - {name: ${name}, kind: binary, source: ${name}}\n`).join('');
  const file = await bench.write('release.yaml', `${head}${more}\ncomponents:\n${components}`);
  said.length = 0;
  return buildRelease(file, bench.at('out'), noRenderer, silentProgress, (line) => said.push(line));
}

async function codeOf(declared: Declared): Promise<string> {
  return build(declared).then(
    () => 'built',
    (error) => toSlipwayError(error).code,
  );
}

describeUnless(missingCommands(...commandsOfStandIns), 'a release of K3s or K0s', () => {
  beforeAll(() => {
    k3s = makeK3s(path.join(folder, 'k3s'), { version: 'v1.33.9+k3s1' });
    k0s = makeK0s(path.join(folder, 'k0s'), { version: 'v1.33.9+k0s.0' }).program;
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('says what its binary says, and needs an updater that reads it', async () => {
    const manifest = await build({});
    expect(manifest).toMatchObject({
      ...{ schemaVersion: 2, minUpdaterVersion: '0.2.0' },
      distribution: { name: 'k3s', version: '1.33.9+k3s1', component: 'k3s', payload: k3s.payloadHash },
    });
    const distribution = { name: 'k0s', version: '1.33.9+k0s.0', component: 'k0s' };
    expect((await build({ binaries: ['script', 'k0s'] })).distribution).toEqual(distribution);
  });

  it('keeps an updater that is newer than it needs', async () => {
    expect(await build({ more: 'minUpdaterVersion: 0.7.0' })).toMatchObject({ minUpdaterVersion: '0.7.0' });
  });

  it('is written in schema version 1 where it says nothing new', async () => {
    for (const declared of [{ binaries: ['script'] as const }, { more: 'distribution: none' }]) {
      const manifest = await build(declared);
      expect(manifest).toMatchObject({ schemaVersion: 1 });
      expect(Object.keys(manifest)).not.toContain('minUpdaterVersion');
    }
  });

  it('may state what no reader finds, and how a device goes back', async () => {
    const more = 'distribution: {name: k3s, version: v1.33.9+k3s1}\nonRollback: refuse';
    expect(await build({ more, binaries: ['script'] })).toMatchObject({
      ...{ schemaVersion: 2, onRollback: 'refuse' },
      distribution: { name: 'k3s', version: '1.33.9+k3s1', component: 'script' },
    });
  });

  it('may state what the binary says, too', async () => {
    const more = `distribution: {name: k3s, version: v1.33.9+k3s1, component: k3s, payload: ${k3s.payloadHash}}`;
    expect(await codeOf({ more })).toBe('built');
  });

  it.each<[string, string]>([
    ['a name', 'name: k0s'],
    ['a version', 'version: 1.33.8+k3s1'],
    ['another build of the version', 'version: 1.33.9+k3s2'],
    ['a payload', `payload: "${'0'.repeat(64)}"`],
  ])('is refused where it states %s that its binary contradicts', async (_, stated) => {
    expect(await codeOf({ more: `distribution: {${stated}}` })).toBe('distribution-contradicted');
  });

  it.each<[string, Declared]>([
    ['two of them without a word which', { binaries: ['k3s', 'k0s'] }],
    [
      'a statement about one of two binaries',
      { more: 'distribution: {name: k3s}', binaries: ['script', 'k3s', 'k0s'] },
    ],
    ['no binary at all to state it of', { more: 'distribution: {component: other, name: k3s}' }],
    ['a version that nobody tells', { more: 'distribution: {name: k3s}', binaries: ['script'] }],
    ['a name that nobody tells', { more: 'distribution: {version: 1.33.9+k3s1}', binaries: ['script'] }],
    ['a payload of K0s', { more: `distribution: {payload: "${'0'.repeat(64)}"}`, binaries: ['k0s'] }],
    ['a word that is none', { more: 'distribution: some' }],
  ])('is refused with %s', async (_, declared) => {
    expect(await codeOf(declared)).toBe('document-invalid');
  });

  it('may have both where it states which one counts', async () => {
    const { distribution } = await build({ more: 'distribution: {component: k0s}', binaries: ['k3s', 'k0s'] });
    expect(distribution).toMatchObject({ name: 'k0s', component: 'k0s' });
  });

  it('is built with a word to people where its own version is another', async () => {
    await build({ version: '1.33.8+k3s1' });
    expect(said).toEqual(['k3s: it is 1.33.9+k3s1, and the release is called 1.33.8+k3s1']);
    await build({ version: '1.33.9+k3s1' });
    expect(said).toEqual([]);
  });
});
