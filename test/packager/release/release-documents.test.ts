/** Releases with documents beside them, from `build` to `bundle`, by the commands that a person types. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../contract/digest.ts';
import { silentProgress } from '../../../contract/progress.ts';
import type { ReleaseManifest } from '../../../contract/release/manifest.ts';
import { blobKey } from '../../../contract/store-keys.ts';
import { buildRelease } from '../../../packager/release/build-release.ts';
import { parseKey } from '../../../system/signing/signing-key.ts';
import { beacon, vector, vectorFile } from '../upstream/vectors.ts';
import { noRenderer, Workbench } from '../workbench.ts';

const listed = 'a.txt';
const sbom = JSON.stringify({
  ...{ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1 },
  components: [{ type: 'library', name: 'runc' }],
});
const builder = 'https://ci.example.com/slipway';

/** A release of one file of upstream's, one of the publisher's own, and its manifests. */
async function open({ more = '', own = 'none' } = {}): Promise<Workbench> {
  const bench = await Workbench.open();
  await bench.write('a.txt', vector('a.txt'));
  await bench.write('own', 'made here');
  await bench.write('shop.yaml', 'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n');
  await bench.write('list.txt', `${sha256(vector('a.txt'))}  a.txt\n${'0'.repeat(64)}  a.txt.gz\n`);
  await bench.write('sbom.json', sbom);
  await declare(bench, { more, own });
  await bench.must(['keygen', 'ci', 'stranger', '--out', 'keys']);
  return bench;
}

function declare(bench: Workbench, { more = '', own = 'none' } = {}): Promise<string> {
  const components = [
    `  - {name: upstream, kind: file, source: a.txt${more}}`,
    `  - {name: own, kind: file, source: own${own === '' ? '' : `, upstream: ${own}`}}`,
    '  - {name: shop, kind: manifests, source: shop.yaml}',
  ];
  return bench.write(
    'release.yaml',
    `apiVersion: slipway/v1\nkind: Release\nproduct: k3s-edge\nversion: 1.0.0\nplatform: linux/amd64\ncounter: 1\ncomponents:\n${components.join('\n')}\n`,
  );
}

const build = ['build', 'release.yaml', '--out', 'out'];
const lists = ['--checksums', 'list.txt'];
const signed = ['--provenance-key', 'keys/ci.key.pem', '--builder-id', builder];
const identity = beacon.kind === 'identity' ? beacon.identity : '';
const issuer = beacon.kind === 'identity' ? beacon.issuer : '';
const trusted = ['--trusted-root', vectorFile('public-good-trusted-root.json')];
const byBeacon = ['--certificate-identity', identity, '--certificate-oidc-issuer', issuer, ...trusted];
const bundleFile = vectorFile('happy-path-v0.3-new-mediaType.sigstore.json');

/** Signs the list as `cosign sign-blob --key --tlog-upload=false --bundle` does. */
async function signedList(bench: Workbench): Promise<string[]> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const bytes = await readFile(bench.at('list.txt'));
  const bundle = {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: 'a hint' }, tlogEntries: [] },
    messageSignature: {
      messageDigest: { algorithm: 'SHA2_256', digest: Buffer.from(sha256(bytes), 'hex').toString('base64') },
      signature: sign('sha256', bytes, privateKey).toString('base64'),
    },
  };
  await bench.write('list.sigstore.json', JSON.stringify(bundle));
  await bench.write('cosign.pub', publicKey.export({ type: 'spki', format: 'pem' }));
  return ['--cosign-bundle', 'list.sigstore.json', '--cosign-key', 'cosign.pub'];
}

/** Signs by openssl, as a token would behind a command. */
async function signingCommand(bench: Workbench): Promise<NodeJS.ProcessEnv> {
  await bench.must(['keygen', 'token', '--out', 'keys', '--type', 'ecdsa-p256']);
  const command = {
    ...{ schemaVersion: 1, kind: 'signing-command' },
    sign: ['openssl', 'dgst', '-sha256', '-sign', bench.at('keys/token.key.pem')],
    publicKey: ['cat', bench.at('keys/token.pub.pem')],
  };
  await bench.write('keys/builder.signer.json', JSON.stringify(command));
  return {};
}

const manifestOf = async (bench: Workbench): Promise<ReleaseManifest> =>
  JSON.parse(await readFile(bench.at('out/release.json'), 'utf8'));

describe('build', () => {
  it('writes a release without documents as it always did', async () => {
    const bench = await open({ own: '' });
    await bench.must(build);
    const manifest = await manifestOf(bench);
    expect(manifest).toMatchObject({ schemaVersion: 1 });
    expect(Object.keys(manifest)).not.toContain('attachments');
  });

  it('compares files with a list of upstream, and keeps the list', async () => {
    const bench = await open();
    await bench.must([...build, ...lists]);
    const manifest = await manifestOf(bench);
    const document = sha256(await readFile(bench.at('list.txt')));
    expect(manifest).toMatchObject({
      ...{ schemaVersion: 3, minUpdaterVersion: '0.2.0' },
      upstream: [{ component: 'upstream', checksums: { document, name: listed } }],
      attachments: [{ kind: 'checksums', name: 'list.txt', mediaType: 'text/plain', sha256: document }],
    });
    expect(await readFile(bench.at('out', blobKey(document)))).toEqual(await readFile(bench.at('list.txt')));
  });

  it('goes by the name that upstream has for a file', async () => {
    const bench = await open({ more: ', upstream: k3s-arm64' });
    await bench.write('list.txt', `${sha256(vector('a.txt'))} *k3s-arm64\r\n`);
    await bench.must([...build, ...lists]);
    expect((await manifestOf(bench)).upstream).toMatchObject([{ checksums: { name: 'k3s-arm64' } }]);
  });

  it('takes a real cosign bundle of a file, and says who signed it', async () => {
    const bench = await open();
    const { stdout } = await bench.must([...build, '--cosign-bundle', bundleFile, ...byBeacon]);
    const { upstream, attachments } = await manifestOf(bench);
    expect(upstream).toEqual([
      { component: 'upstream', signature: { bundle: attachments?.[0]?.sha256, signs: 'component', identity, issuer } },
    ]);
    expect(attachments).toMatchObject([
      { kind: 'cosign-bundle', mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json' },
    ]);
    expect(stdout).toContain(`upstream: upstream is signed by ${identity} (${issuer})`);
  });

  it('takes a list that a key of upstream signed, and says so', async () => {
    const bench = await open();
    const options = [...lists, ...(await signedList(bench))];
    const { stdout } = await bench.must([...build, ...options]);
    const [check] = (await manifestOf(bench)).upstream ?? [];
    expect(check).toMatchObject({ checksums: { name: listed }, signature: { signs: 'checksums' } });
    expect(stdout).toMatch(/upstream is a\.txt of list\.txt, which is signed by key [0-9a-f]{12}$/m);
    await bench.write('list.txt', `${sha256(vector('a.txt'))}  a.txt\n`);
    expect((await bench.run([...build, ...options, '--json'])).json.error).toMatchObject({
      code: 'upstream-mismatched',
    });
  });

  it.each([
    [
      'a file of other bytes',
      async (bench: Workbench) => writeFile(bench.at('a.txt'), 'exchanged'),
      lists,
      'upstream-mismatched',
    ],
    ['a file that no list names', async (bench: Workbench) => declare(bench, { own: '' }), lists, 'upstream-unnamed'],
    [
      'a name that the list does not have',
      async (bench: Workbench) => declare(bench, { more: ', upstream: k3s' }),
      lists,
      'upstream-unnamed',
    ],
    [
      'a list of another release',
      async (bench: Workbench) => bench.write('other.txt', `${'0'.repeat(64)}  k3s\n`),
      [...lists, '--checksums', 'list.txt', 'other.txt'],
      'upstream-unnamed',
    ],
    [
      'a stated name without anything to compare',
      async (bench: Workbench) => declare(bench, { more: ', upstream: a.txt' }),
      [],
      'upstream-unnamed',
    ],
    [
      'a bundle of another file',
      async (bench: Workbench) => writeFile(bench.at('a.txt'), 'exchanged'),
      ['--cosign-bundle', bundleFile, ...byBeacon],
      'upstream-mismatched',
    ],
    [
      'a bundle by another identity',
      async () => undefined,
      ['--cosign-bundle', bundleFile, ...byBeacon, '--certificate-identity', 'https://github.com/k3s-io'],
      'upstream-signature-invalid',
    ],
    [
      'a bundle without who has to have signed it',
      async () => undefined,
      ['--cosign-bundle', bundleFile, ...trusted],
      'usage',
    ],
    ['an identity without a bundle', async () => undefined, ['--certificate-identity', 'x'], 'usage'],
    [
      'a bundle that is none',
      async () => undefined,
      ['--cosign-bundle', 'list.txt', ...byBeacon],
      'attachment-malformed',
    ],
    ['an SBOM that is none', async () => undefined, ['--sbom', 'list.txt'], 'attachment-malformed'],
    ['a file that is not there', async () => undefined, ['--sbom', 'absent.json'], 'document-unreadable'],
    ['a statement without a builder', async () => undefined, ['--provenance-key', 'keys/ci.key.pem'], 'usage'],
    ['a builder without a key', async () => undefined, ['--builder-id', builder], 'usage'],
    [
      'a public key where one has to sign',
      async () => undefined,
      ['--provenance-key', 'keys/ci.pub.pem', '--builder-id', builder],
      'key-unreadable',
    ],
    [
      'a statement whose key would be in env:NAME, and NAME is not set',
      async () => undefined,
      ['--provenance-key', 'env:SLIPWAY_NOWHERE', '--builder-id', builder],
      'key-unreadable',
    ],
  ])('refuses %s', async (_what, prepare: (bench: Workbench) => Promise<unknown>, options, code) => {
    const bench = await open();
    await prepare(bench);
    const { json } = await bench.run([...build, ...options, '--json']);
    expect(json.error).toMatchObject({ code });
    await expect(stat(bench.at('out/release.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('packs nothing else than it has compared', async () => {
    const bench = await open();
    const list = { name: 'list.txt', bytes: await readFile(bench.at('list.txt')) };
    const evidence = { checksums: [list], cosignBundles: [], signer: undefined, trustedRoot: undefined };
    // The file is exchanged when all was compared, and nothing is packed yet.
    const exchange = () => writeFileSync(bench.at('a.txt'), 'x'.repeat(vector('a.txt').length));
    const progress = { ...silentProgress, expect: exchange };
    const documents = { evidence, sboms: [], statement: undefined };
    await expect(
      buildRelease(bench.at('release.yaml'), bench.at('out'), noRenderer, progress, undefined, documents),
    ).rejects.toMatchObject({ code: 'component-unreadable' });
    await expect(stat(bench.at('out/release.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('gives the same bytes for the same inputs, its statement included', async () => {
    const bench = await open();
    const all = [...lists, '--sbom', 'sbom.json', ...signed, '--invocation-id', 'run-7'];
    await bench.must([...build, ...all]);
    const first = await readFile(bench.at('out/release.json'));
    await bench.must([...build, ...all]);
    expect(await readFile(bench.at('out/release.json'))).toEqual(first);
  });
});

describe('a release with a statement', () => {
  const key = ['--provenance-key', 'keys/ci.pub.pem'];

  async function published(): Promise<Workbench> {
    const bench = await open();
    await bench.must([...build, ...lists, '--sbom', 'sbom.json', ...signed, '--invocation-id', 'run-7']);
    await bench.must([
      'init',
      '--demo',
      '--store',
      bench.storeUrl,
      '--keys',
      'store-keys',
      '--product',
      'k3s-edge',
      '--root-out',
      'root.json',
    ]);
    await bench.must(['publish', 'out', '--store', bench.storeUrl, '--channel', 'stable', '--keys', 'store-keys']);
    return bench;
  }

  it('says in a statement what it was built of', async () => {
    const bench = await open();
    await bench.must([...build, ...lists, '--sbom', 'sbom.json', ...signed, '--invocation-id', 'run-7']);
    await bench.must(['inspect', 'out', '--attachments-to', 'papers']);
    const envelope = JSON.parse(await readFile(bench.at('papers/provenance.dsse.json'), 'utf8'));
    const statement = JSON.parse(Buffer.from(envelope.payload, 'base64').toString());
    const manifest = await manifestOf(bench);
    expect(envelope).toMatchObject({ payloadType: 'application/vnd.in-toto+json', signatures: [{}] });
    expect(statement).toMatchObject({
      _type: 'https://in-toto.io/Statement/v1',
      subject: manifest.components.map(({ name, sha256: digest }) => ({ name, digest: { sha256: digest } })),
      predicateType: 'https://slsa.dev/provenance/v1',
      predicate: {
        buildDefinition: {
          buildType: 'https://slipway.io/build/v1',
          externalParameters: {
            ...{ product: 'k3s-edge', version: '1.0.0', platform: 'linux/amd64', counter: 1, floors: [] },
            documents: [{ kind: 'checksums' }, { kind: 'sbom' }],
            upstream: manifest.upstream,
          },
        },
        runDetails: { builder: { id: builder }, metadata: { invocationId: 'run-7' } },
      },
    });
    const named = statement.predicate.buildDefinition.resolvedDependencies.map(({ name }: { name: string }) => name);
    expect(named).toEqual(['release.yaml', 'a.txt', 'list.txt', 'sbom.json']);
    expect(await readFile(bench.at('papers/sbom.json'), 'utf8')).toBe(sbom);
  });

  it.each([
    [
      'the key in env:NAME',
      async (bench: Workbench) => ({ BUILDER: await readFile(bench.at('keys/ci.key.pem'), 'utf8') }),
      'env:BUILDER',
      'keys/ci.pub.pem',
    ],
    [
      'a sealed key',
      async (bench: Workbench) => {
        const env = { SLIPWAY_KEY_PASSPHRASE: 'five random words are enough' };
        await bench.must(['keygen', 'sealed', '--out', 'sealed', '--type', 'ecdsa-p256'], env);
        return env;
      },
      'sealed/sealed.key.json',
      'sealed/sealed.pub.pem',
    ],
    ['a signing command', signingCommand, 'keys/builder.signer.json', 'keys/token.pub.pem'],
  ])('is signed by %s', async (_what, prepare: (bench: Workbench) => Promise<NodeJS.ProcessEnv>, source, half) => {
    const bench = await open();
    const env = await prepare(bench);
    const options = ['--provenance-key', source, '--builder-id', builder];
    await bench.must([...build, ...lists, ...options], env);
    const { json } = await bench.must(['inspect', 'out', '--provenance-key', source, '--json'], env);
    const { keyId } = parseKey(await readFile(bench.at(half), 'utf8'), half);
    expect(json.provenance).toMatchObject([{ signedBy: [keyId] }]);
    const byHalf = await bench.must(['inspect', 'out', '--provenance-key', half, 'keys/stranger.pub.pem', '--json']);
    expect(byHalf.json.provenance).toMatchObject([{ signedBy: [keyId] }]);
  });

  it.each(['out', 'store'])('is shown by inspect %s, with whether its signature holds', async (where) => {
    const bench = await published();
    const subject = where === 'out' ? ['out'] : [bench.storeUrl, '--release', 'k3s-edge/linux-amd64/1.0.0'];
    const { stdout } = await bench.must(['inspect', ...subject, ...key]);
    expect(stdout).toContain('upstream: upstream is a.txt of list.txt');
    expect(stdout).toContain('sbom.json: CycloneDX 1.6, 1 components');
    expect(stdout).toContain(`provenance.dsse.json: built by ${builder}, run run-7, 3 subjects`);
    expect(stdout).toMatch(/provenance\.dsse\.json: signed by [0-9a-f]{12}$/m);
    const unchecked = await bench.must(['inspect', ...subject]);
    expect(unchecked.stdout).toContain('its signature was not checked');
    const strange = await bench.must(['inspect', ...subject, '--provenance-key', 'keys/stranger.pub.pem', '--json']);
    expect(strange.json.provenance).toMatchObject([{ signedBy: [], isAboutRelease: true }]);
  });

  it('is not shown of a release that the store lacks: inspect says which there are', async () => {
    const bench = await published();
    const { json } = await bench.run(['inspect', bench.storeUrl, '--release', 'k3s-edge/linux-amd64/9.9.9', '--json']);
    expect(json.error).toMatchObject({ code: 'release-unknown', hint: 'It has: 1.0.0' });
  });

  it('is verified in the store, and repaired from its build', async () => {
    const bench = await published();
    const [first] = (await manifestOf(bench)).attachments ?? [];
    await bench.write(`store/${blobKey(first?.sha256 ?? '')}`, 'damaged');
    expect((await bench.run(['verify', bench.storeUrl, '--json'])).json.error).toMatchObject({
      code: 'length-mismatch',
    });
    await bench.must(['verify', bench.storeUrl, '--repair', 'out']);
    await bench.must(['verify', bench.storeUrl]);
  });

  it('is nothing that prune would take for rubbish', async () => {
    const bench = await published();
    const { attachments = [] } = await manifestOf(bench);
    for (const { sha256: digest } of attachments) await utimes(bench.at('store', blobKey(digest)), 1, 1);
    await bench.must(['prune', '--store', bench.storeUrl, '--older-than', '2d', '--yes']);
    await bench.must(['verify', bench.storeUrl]);
  });

  it('goes into a bundle with its documents on wish alone', async () => {
    const bench = await published();
    const bundle = ['bundle', '--store', bench.storeUrl, '--channel', 'k3s-edge/linux-amd64/stable', '--out'];
    const [plain, full] = [
      await bench.must([...bundle, 'plain.bundle', '--json']),
      await bench.must([...bundle, 'full.bundle', '--attachments', '--json']),
    ];
    expect(Number(full.json.members) - Number(plain.json.members)).toBe(3);
    for (const file of ['plain.bundle', 'full.bundle']) await bench.must(['verify', file, '--root', 'root.json']);
    expect((await bench.must(['inspect', 'plain.bundle'])).stdout).toContain('3 attachments are not in it');
    expect((await bench.must(['inspect', 'full.bundle', ...key])).stdout).toMatch(/signed by [0-9a-f]{12}/);
  });

  it('cannot be published again with other documents', async () => {
    const bench = await published();
    await bench.must([...build, ...lists]);
    const again = [
      'publish',
      'out',
      '--store',
      bench.storeUrl,
      '--channel',
      'stable',
      '--keys',
      'store-keys',
      '--json',
    ];
    expect((await bench.run(again)).json.error).toMatchObject({ code: 'version-exists' });
  });
});
