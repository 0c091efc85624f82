/** Lists every parser of bytes that somebody else wrote, each with valid documents to damage. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pack } from 'tar-stream';
import { bundleIndexName } from '../../contract/bundle.ts';
import { heardAnswerSchema } from '../../contract/device-api/check.ts';
import { sha256 } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { decodeManifest, encodeManifest } from '../../contract/release/manifest.ts';
import { isAbout, readStatement } from '../../contract/release/provenance.ts';
import { signersOfEnvelope } from '../../contract/trust/dsse.ts';
import { decodeGrant, type Grant, grantBytes, verifyGrant } from '../../contract/trust/grant.ts';
import { refreshTrust } from '../../contract/trust/trusted-set.ts';
import { parseRecipe, recipeText } from '../../delta/recipe/recipe.ts';
import { sealBytes } from '../../delta/seal.ts';
import { bearerVerifier } from '../../distributor/adapters/oidc/bearer-verifier.ts';
import { parsePlan } from '../../distributor/declaration/plan.ts';
import { parseRange } from '../../distributor/http/conditional.ts';
import { peopleSchema } from '../../distributor/people/issuers.ts';
import { People } from '../../distributor/people/people.ts';
import { readJournal } from '../../edge-updater/adapters/disk/journal-file.ts';
import { parseJson } from '../../edge-updater/adapters/network/http-failures.ts';
import { readTable } from '../../edge-updater/bundle/bundle-file.ts';
import { judgeAnswer } from '../../edge-updater/download/judge-answer.ts';
import { readSbom } from '../../packager/attachments/sbom.ts';
import { signedStatement } from '../../packager/attachments/signed-statement.ts';
import { parseChecksums } from '../../packager/upstream/checksum-list.ts';
import { parseCosignBundle } from '../../packager/upstream/cosign-bundle.ts';
import { parseDocument } from '../../system/documents/document.ts';
import { noProxyRule } from '../../system/network/proxy.ts';
import { applied } from '../delta/applying.ts';
import { decodeAll } from '../delta/vcdiff/decode-all.ts';
import { magic, varint, windowOf } from '../delta/vcdiff/delta-writer.ts';
import { bytesOf, EdgeDevice, never } from '../fakes/edge-device.ts';
import { clientId, OidcIssuer } from '../fakes/oidc-issuer.ts';
import { signPermit } from '../fakes/permits.ts';
import { newSigningKey, product, SignedRepository, smallRelease } from '../fakes/signed-repository.ts';
import { edited, patched, sealed, stored, writeDelta } from '../fakes/small-delta.ts';
import { bundleVector } from '../packager/upstream/vectors.ts';

export interface Parser {
  readonly name: string;
  readonly samples: readonly Uint8Array[];
  /** Ends, or throws a SlipwayError. Anything else is a defect. */
  readonly read: (bytes: Uint8Array) => unknown;
  readonly close?: () => void;
}

const now = new Date('2026-11-01T00:00:00Z');

export async function allParsers(): Promise<readonly Parser[]> {
  return [
    ...[
      metadata(),
      manifest(),
      await grant(),
      answer(),
      ...deltas(),
      vcdiff(),
      recipe(),
      await journal(),
      await bundle(),
    ],
    ...[contentRange(), range(), plan(), people(), await personBearer()],
    ...[statement(), sbom(), checksums(), cosignBundle()],
  ];
}

function metadata(): Parser {
  const repository = new SignedRepository(now);
  repository.publish(now, smallRelease('1.0.0', 1));
  const names = ['timestamp.json', '2.snapshot.json', '1.targets.json', `2.${product}.json`];
  const samples = [repository.root.bytes, ...names.map((name) => repository.files.get(name) ?? new Uint8Array())];
  return {
    name: 'metadata',
    samples,
    async read(bytes) {
      // As whatever it was before, and as the next root.
      const kind = /"_type":"(\w+)"/.exec(Buffer.from(bytes).toString('latin1'))?.[1];
      const name = kind === 'timestamp' ? 'timestamp.json' : '2.root.json';
      const fetch = async (asked: string) => (asked === name ? bytes : repository.files.get(asked));
      // Signed by its hash, no other document reaches its parser; as timestamp and root they do.
      await refreshTrust({ known: repository.pinned, fetch, now, maxRoots: 1 });
    },
  };
}

function manifest(): Parser {
  const delta = {
    encoding: 'identity',
    format: 'vcdiff',
    fromSha256: 'a'.repeat(64),
    length: 9,
    sha256: 'b'.repeat(64),
  } as const;
  const small = smallRelease('1.0.0', 1);
  const rich = { ...small, floors: ['0.9.0'], minUpdaterVersion: '0.1.0' };
  const [first] = small.components;
  const withDelta = first ? { ...rich, components: [{ ...first, deltas: [delta] }] } : rich;
  const samples = [small, withDelta].map((one) => encodeManifest(one).bytes);
  return { name: 'manifest', samples, read: decodeManifest };
}

function statement(): Parser {
  const [key, release] = [newSigningKey(), smallRelease('1.0.0', 1)];
  const sample = signedStatement(release, 'a'.repeat(64), { keys: [key], builderId: 'https://ci.example.com' });
  return {
    name: 'statement of provenance',
    samples: [sample],
    read(bytes) {
      const { envelope, statement: found } = readStatement(bytes);
      return [signersOfEnvelope(envelope, [key]), isAbout(found, release)];
    },
  };
}

function sbom(): Parser {
  const creationInfo = { created: '2026-11-01T00:00:00Z', creators: ['Tool: syft'] };
  const samples = [
    { bomFormat: 'CycloneDX', specVersion: '1.6', components: [{ type: 'library', name: 'runc', components: [] }] },
    {
      ...{ spdxVersion: 'SPDX-2.3', SPDXID: 'SPDXRef-DOCUMENT', dataLicense: 'CC0-1.0', name: 'k3s' },
      ...{ documentNamespace: 'https://x', creationInfo, packages: [{ SPDXID: 'SPDXRef-1', name: 'kine' }] },
    },
  ].map((value) => Buffer.from(JSON.stringify(value)));
  return { name: 'SBOM', samples, read: (bytes) => readSbom(bytes, 'sbom.json') };
}

function checksums(): Parser {
  const sample = Buffer.from(`${'a'.repeat(64)}  k3s\n${'b'.repeat(64)} *k3s-images.tar\r\n`);
  return { name: 'list of checksums', samples: [sample], read: (bytes) => parseChecksums(bytes, 'list') };
}

/** Read as far as a verifier takes it: a signature that is checked 2,000 times says nothing more. */
function cosignBundle(): Parser {
  const names = ['happy-path-v0.3-new-mediaType', 'happy-path-intoto-in-dsse-v3', 'managed-key-happy-path'];
  return {
    name: 'cosign bundle',
    samples: names.map(bundleVector),
    read: (bytes) => parseCosignBundle(bytes, 'a bundle'),
  };
}

async function grant(): Promise<Parser> {
  const repository = new SignedRepository(now);
  const trusted = await refreshTrust({ known: repository.pinned, fetch: repository.fetch, now });
  const signed: Grant = {
    ...{ schemaVersion: 1, kind: 'offline-grant', product, scope: { deviceId: 'wt-1' } },
    ...{ release: 'a'.repeat(64), timestamp: 'b'.repeat(64) },
    ...{ issued: now.toISOString(), expires: new Date(now.getTime() + 9e8).toISOString() },
  };
  const key = repository.keys.offline;
  const signatures = [{ keyid: key.keyId, sig: key.sign(grantBytes(signed)).sig }];
  const holder = { deviceId: 'wt-1', product, labels: {}, timestamp: 'b'.repeat(64), now: now.getTime() };
  const sample = Buffer.from(JSON.stringify({ signed, signatures }));
  return { name: 'grant', samples: [sample], read: (bytes) => verifyGrant(decodeGrant(bytes), trusted.grants, holder) };
}

/** Of a server to a check; it may carry a permit. */
function answer(): Parser {
  const { permits } = new SignedRepository(now).keys;
  const permit = signPermit(
    {
      ...{ schemaVersion: 1, kind: 'permit', product, deviceId: 'wt-1', rollout: 'r', leave: 'a'.repeat(64) },
      ...{ expires: now.toISOString(), id: 'x'.repeat(24) },
    },
    permits,
  );
  const offer = { rollout: 'r', wave: 'all', targetPath: 'a/b/c/release.json', version: '1.0.0', counter: 1 };
  const samples = [
    { decision: 'revert', reason: 'rollout-aborted', rollout: 'r', permit },
    { decision: 'update', reason: 'rollout-open', offer },
    { decision: 'none', reason: 'up-to-date' },
  ].map((value) => Buffer.from(JSON.stringify(value)));
  return { name: 'answer with a permit', samples, read: (bytes) => heardAnswerSchema.safeParse(parseJson(bytes)) };
}

function deltas(): Parser[] {
  const base = bytesOf('base', 1500);
  const target = Buffer.from(edited(base, 300));
  const whole = (bytes: Uint8Array) => ({ version: 1 as const, nodes: [{ part: 0, length: bytes.length }] });
  const texts = [patched(0, base, target), stored(target)].map((part) =>
    writeDelta({ base, target, baseRecipe: whole(base), targetRecipe: whole(target), parts: [part] }),
  );
  const unsealed = texts.map((text) => text.subarray(0, text.length - sealBytes));
  return [
    { name: 'delta', samples: texts, read: (bytes) => applied(base, bytes) },
    { name: 'delta that is sealed again', samples: unsealed, read: (bytes) => applied(base, sealed([bytes])) },
  ];
}

function vcdiff(): Parser {
  const old = Buffer.from('The quick brown fox jumps over the lazy dog. '.repeat(4));
  const windows = [
    windowOf({ source: { length: 50, position: 100 }, targetLength: 18, instructions: [34], addresses: [20] }),
    windowOf({ targetLength: 5, data: [...Buffer.from('hello')], instructions: [6] }),
  ];
  const sample = Uint8Array.from([...magic, 0, ...varint(0).slice(1), ...windows.flat()]);
  return { name: 'VCDIFF', samples: [sample], read: (bytes) => decodeAll(old, bytes, { expectedLength: 23 }) };
}

function recipe(): Parser {
  const samples = [
    recipeText({
      version: 1,
      nodes: [
        { part: 0, length: 7 },
        { deflate: { encoder: 'go', level: 9 }, length: 9, nodes: [{ part: 1, length: 5 }] },
      ],
    }),
  ];
  return { name: 'recipe', samples, read: parseRecipe };
}

async function journal(): Promise<Parser> {
  using edge = new EdgeDevice();
  const device = edge.start();
  await device.recover(never);
  edge.server.offered = edge.publish('1.0.0', 1, [{ path: 'bin', bytes: bytesOf('x', 100) }]).manifest;
  await device.check(never);
  const folder = path.join(edge.stateDirectory, 'journal');
  const log = readFileSync(path.join(folder, 'log'));
  const end = log.findLastIndex((byte) => byte !== 0) + 1;
  const others = readdirSync(folder).filter((name) => name !== 'log' && name !== 'reserve');
  const scratch = mkdtempSync(path.join(tmpdir(), 'fuzz-journal-'));
  mkdirSync(path.join(scratch, 'journal'));
  for (const name of others) writeFileSync(path.join(scratch, 'journal', name), readFileSync(path.join(folder, name)));
  return {
    name: 'journal',
    samples: [log.subarray(0, end)],
    read(bytes) {
      writeFileSync(path.join(scratch, 'journal', 'log'), bytes);
      return readJournal(scratch);
    },
    close: () => rmSync(scratch, { recursive: true, force: true }),
  };
}

async function bundle(): Promise<Parser> {
  const tar = pack();
  const { bytes, sha256: digest } = encodeManifest(smallRelease('1.0.0', 1));
  const index = { schemaVersion: 1, product, platform: 'linux/amd64', version: '1.0.0', manifestSha256: digest };
  const content = Buffer.from('server 1.0.0');
  tar.entry({ name: bundleIndexName }, JSON.stringify(index));
  tar.entry({ name: 'metadata/1.root.json' }, '{}');
  tar.entry({ name: `targets/${digest}.release.json` }, Buffer.from(bytes));
  tar.entry({ name: `blobs/sha256/${sha256(content).slice(0, 2)}/${sha256(content)}` }, content);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  const scratch = mkdtempSync(path.join(tmpdir(), 'fuzz-bundle-'));
  const file = path.join(scratch, 'bundle');
  return {
    name: 'bundle',
    samples: [Buffer.concat(chunks)],
    read(damaged) {
      writeFileSync(file, damaged);
      return readTable(file);
    },
    close: () => rmSync(scratch, { recursive: true, force: true }),
  };
}

/** Of an answer, with its other headers: one a line. */
function contentRange(): Parser {
  const digest = 'a'.repeat(64);
  const samples = [
    '206\nbytes 10-99/100\n"x"\n90\n',
    '200\n\n"x"\n100\n',
    '416\nbytes */100\n\n\n120',
    '503\n\n\n\nTue, 01 Dec 2026 00:00:00 GMT',
  ];
  return {
    name: 'Content-Range',
    samples: samples.map((text) => Buffer.from(text)),
    read(bytes) {
      const [status, contentRange, etag, length, retryAfter] = Buffer.from(bytes).toString('latin1').split('\n');
      const headers = { 'content-range': contentRange, etag, 'content-length': length, 'retry-after': retryAfter };
      const judged = judgeAnswer(
        { digest, length: 100, offset: 10, etag: '"x"' },
        { status: Number(status), headers },
        now.getTime(),
      );
      if (judged.kind === 'append' && !/^\s*bytes\s+0*10-0*99\/0*100\s*$/i.test(contentRange ?? '')) {
        throw new Error(`${JSON.stringify(contentRange)} was taken for the rest`);
      }
    },
  };
}

/** Of a request. */
function range(): Parser {
  const samples = ['bytes=0-9', 'bytes=10-', 'bytes=-5', 'bytes=0-0,5-6'].map((text) => Buffer.from(text));
  return {
    name: 'Range',
    samples,
    read(bytes) {
      const found = parseRange(Buffer.from(bytes).toString('latin1'), 100);
      if (typeof found === 'string') return;
      const [first, last] = Object.values(found) as number[];
      if (!(Number.isInteger(first) && Number.isInteger(last) && (first ?? -1) >= 0 && (last ?? 100) < 100)) {
        throw new Error(`${JSON.stringify(found)} leads out of 100 bytes`);
      }
    },
  };
}

function plan(): Parser {
  const folder = path.join(import.meta.dirname, '../../infra/rollouts/example/base');
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml');
  // Together they are a plan: groups and the rollouts that name them.
  const samples = [
    Buffer.concat(files.flatMap((name) => [Buffer.from('---\n'), readFileSync(path.join(folder, name))])),
  ];
  return {
    name: 'rollout YAML',
    samples,
    read: (bytes) => parsePlan([{ name: 'a.yaml', text: Buffer.from(bytes).toString() }]),
  };
}

function people(): Parser {
  const page = readFileSync(path.join(import.meta.dirname, '../../docs/people.md'), 'utf8');
  const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
  return {
    name: 'people YAML',
    samples: [Buffer.from(yaml)],
    read: (bytes) => parseDocument(Buffer.from(bytes).toString(), peopleSchema, 'people.yaml'),
  };
}

/** What is damaged has no signature that holds: its head and its claims are read before anybody knows. */
async function personBearer(): Promise<Parser> {
  const issuer = await OidcIssuer.open();
  const { issuers } = peopleSchema.parse({
    issuers: [
      {
        issuer: issuer.url,
        audience: clientId,
        grants: [{ when: { groups: 'fleet-admins' }, scopes: ['devices:read'] }],
      },
    ],
  });
  const known = new People(issuers, bearerVerifier(issuers, { proxies: noProxyRule }));
  return {
    name: 'bearer of a person',
    samples: [Buffer.from(await issuer.sign({}))],
    read: (bytes) => known.callerOf(Buffer.from(bytes).toString('latin1'), Date.now()),
    close: () => {
      void known.close();
      void issuer[Symbol.asyncDispose]();
    },
  };
}

/** What the parser did: `read`, or the code of its refusal. @throws whatever is no SlipwayError */
export async function outcomeOfParsing({ read }: Parser, bytes: Uint8Array): Promise<string> {
  try {
    await read(bytes);
    return 'read';
  } catch (error) {
    if (error instanceof SlipwayError && error.code !== 'internal') return error.code;
    throw error;
  }
}
