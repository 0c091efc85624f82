/**
 * Attacks of whoever holds one key: that of CI, which signs releases of one product, or the online key, which signs
 * snapshot and timestamp. What the key of CI may sign is software that runs; everything around that is refused.
 */
import { MetaFile } from '@tufjs/models';
import { describe, it } from 'vitest';
import { canonicalJson } from '../../../contract/canonical-json.ts';
import { sha256 } from '../../../contract/digest.ts';
import { nextSnapshot, nextTimestamp } from '../../../system/signing/online-roles.ts';
import { describeDocument, signDocument } from '../../../system/signing/signed-document.ts';
import type { SigningKey } from '../../../system/signing/signing-key.ts';
import { newSigningKey, product } from '../../fakes/signed-repository.ts';
import { type Attack, type Scene, withstand } from './attacked-device.ts';

type Json = Record<string, unknown>;

/** Signs 2.0.0 again, as the key of CI can, with its manifest changed. */
const release =
  (change: (manifest: Json) => void): Attack[2] =>
  ({ edge, second }) => {
    const forged = structuredClone(second.manifest) as unknown as Json;
    change(forged);
    const bytes = canonicalJson(forged);
    edge.server.manifests.set(sha256(bytes), bytes);
    edge.repository.publishForged(new Date(edge.clock.now()), second.manifest, bytes);
  };
const component = (change: (component: Json) => void) =>
  release(({ components }) => change((components as Json[])[0] as Json));
const installedAt = (installPath: unknown) => component((first) => Object.assign(first, { installPath }));

const manifests: readonly Attack[] = [
  ['a file that climbs out of its slot', 'manifest-malformed', installedAt('../../neighbour')],
  ['a file that climbs out in the middle of its path', 'manifest-malformed', installedAt('bin/../../../neighbour')],
  ['a file of the root of the machine', 'manifest-malformed', installedAt('/etc/passwd')],
  ['a file whose path has a NUL', 'manifest-malformed', installedAt('bin/server\0.txt')],
  ['a file whose path has a backslash and a drive', 'manifest-malformed', installedAt('C:\\windows')],
  ['a file without a name', 'manifest-malformed', installedAt('')],
  ['a file that is the slot itself', 'manifest-malformed', installedAt('.')],
  ['a file with a segment of 300 characters', 'manifest-malformed', installedAt(`bin/${'x'.repeat(300)}`)],
  ['a file in place of the manifest of its slot', 'manifest-malformed', installedAt('release.json')],
  ['a file below the manifest of its slot', 'manifest-malformed', installedAt('release.json/x')],
  ['two files of one path', 'manifest-malformed', installedAt('data')],
  ['a file below another file', 'manifest-malformed', installedAt('data/below')],
  ['a file with set-user-id', 'manifest-malformed', component((first) => Object.assign(first, { mode: '4755' }))],
  [
    'a component of an unknown kind',
    'manifest-malformed',
    component((first) => Object.assign(first, { kind: 'script' })),
  ],
  [
    'a component with a field more',
    'manifest-malformed',
    component((first) => Object.assign(first, { exec: 'rm -rf /' })),
  ],
  [
    'a component longer than any disk',
    'manifest-malformed',
    component((first) => Object.assign(first, { length: 2 ** 50 })),
  ],
  ['a component of half a byte', 'manifest-malformed', component((first) => Object.assign(first, { length: 0.5 }))],
  [
    'a component with another digest than its blob',
    'manifest-malformed',
    component((first) => Object.assign(first, { sha256: 'a'.repeat(64) })),
  ],
  ['a component without a blob', 'manifest-malformed', component((first) => Object.assign(first, { blobs: [] }))],
  [
    'a thousand components',
    'manifest-malformed',
    release((m) => Object.assign(m, { components: Array(1000).fill((m.components as Json[])[0]) })),
  ],
  ['no component', 'manifest-malformed', release((m) => Object.assign(m, { components: [] }))],
  ['a release of another product', 'manifest-mismatched', release((m) => Object.assign(m, { product: 'k0s-edge' }))],
  [
    'a release for another platform',
    'manifest-mismatched',
    release((m) => Object.assign(m, { platform: 'linux/arm64' })),
  ],
  ['a release of another version', 'manifest-mismatched', release((m) => Object.assign(m, { version: '1.9.9' }))],
  ['a counter of another release', 'manifest-mismatched', release((m) => Object.assign(m, { counter: 7 }))],
  ['a counter that no number holds', 'manifest-malformed', release((m) => Object.assign(m, { counter: 1e300 }))],
  ['a schema of the future', 'manifest-schema-unknown', release((m) => Object.assign(m, { schemaVersion: 99 }))],
  ['an updater of the future', 'updater-too-old', release((m) => Object.assign(m, { minUpdaterVersion: '99.0.0' }))],
  ['a floor that was never passed', 'floor-skipped', release((m) => Object.assign(m, { floors: ['1.5.0'] }))],
  [
    'a manifest in another order of its fields',
    'manifest-malformed',
    ({ edge, second }) => {
      const bytes = Buffer.from(JSON.stringify(second.manifest, null, 1));
      edge.server.manifests.set(sha256(bytes), bytes);
      edge.repository.publishForged(new Date(edge.clock.now()), second.manifest, bytes);
    },
  ],
];

/** Serves the next state, in which the role of the product says something else and may be signed by any key. */
const role =
  (change: (signed: Json) => void, key?: (scene: Scene) => SigningKey): Attack[2] =>
  (scene) => {
    const { edge } = scene;
    const { repository } = edge;
    const json = JSON.parse(
      Buffer.from(repository.files.get(`${repository.version}.${product}.json`) ?? []).toString(),
    );
    json.signed.version += 1;
    change(json.signed);
    const signers = [key?.(scene) ?? repository.keys.product];
    // By its text: some of it no library would write.
    const bytes = signText(json.signed, signers);
    serveState(scene, bytes, json.signed.version);
  };

function signText(signed: Json, keys: readonly SigningKey[]): Uint8Array {
  const text = canonicalJson(signed);
  return canonicalJson({ signed, signatures: keys.map((key) => ({ keyid: key.keyId, sig: key.sign(text).sig })) });
}

function serveState({ edge }: Scene, bytes: Uint8Array, version: number): void {
  const { repository } = edge;
  const now = new Date(edge.clock.now());
  repository.files.set(`${version}.${product}.json`, bytes);
  const own = new MetaFile({ version, length: bytes.length, hashes: { sha256: sha256(bytes) } });
  const meta = { 'targets.json': describeDocument(repository.targets), [`${product}.json`]: own };
  const snapshot = signDocument('snapshot', nextSnapshot(meta, version, now), [repository.keys.online]);
  repository.files.set(`${version}.snapshot.json`, snapshot.bytes);
  const timestamp = nextTimestamp(describeDocument(snapshot), version, now);
  repository.files.set('timestamp.json', signDocument('timestamp', timestamp, [repository.keys.online]).bytes);
}

const target = `${product}/linux-amd64/2.0.0/release.json`;
const entry = (signed: Json) => (signed.targets as Record<string, Json>)[target] as Json;
const delegating =
  (roles: readonly Json[], keys: Json = {}) =>
  (signed: Json) =>
    Object.assign(signed, { targets: {}, delegations: { keys, roles } });
const delegation = (name: string, keyid = 'a'.repeat(64)) => ({
  name,
  keyids: [keyid],
  threshold: 1,
  terminating: true,
});

const roles: readonly Attack[] = [
  [
    'a role signed by a stranger',
    'metadata-signature-invalid',
    role(
      () => undefined,
      () => newSigningKey(),
    ),
  ],
  [
    'a role signed by the online key',
    'metadata-signature-invalid',
    role(
      () => undefined,
      ({ edge }) => edge.repository.keys.online,
    ),
  ],
  [
    'a role signed by the key of permits',
    'metadata-signature-invalid',
    role(
      () => undefined,
      ({ edge }) => edge.repository.keys.permits,
    ),
  ],
  [
    'a role that ended',
    'metadata-expired',
    role((signed) => Object.assign(signed, { expires: '2020-01-01T00:00:00Z' })),
  ],
  ['a role that never ends', 'metadata-malformed', role((signed) => Object.assign(signed, { expires: 'never' }))],
  ['a role of another type', 'metadata-malformed', role((signed) => Object.assign(signed, { _type: 'root' }))],
  ['a target without a digest', 'metadata-malformed', role((signed) => Object.assign(entry(signed), { hashes: {} }))],
  [
    'a target with a digest of another kind alone',
    'metadata-malformed',
    role((signed) => Object.assign(entry(signed), { hashes: { md5: 'a'.repeat(32) } })),
  ],
  [
    'a target of a negative length',
    'metadata-malformed',
    role((signed) => Object.assign(entry(signed), { length: -1 })),
  ],
  [
    'a target longer than any manifest',
    'manifest-malformed',
    role((signed) => Object.assign(entry(signed), { length: 2 ** 40 })),
  ],
  [
    'a target without a counter',
    'metadata-malformed',
    role((signed) => Object.assign(entry(signed), { custom: { channels: [] } })),
  ],
  [
    'a role that delegates to itself',
    'target-unknown',
    role(delegating([{ ...delegation(product), paths: ['*/*/*/*'] }])),
  ],
  [
    'a role that delegates to targets',
    'metadata-malformed',
    role(delegating([{ ...delegation('targets'), paths: ['*/*/*/*'] }])),
  ],
  [
    'a role that delegates to a role that nobody lists',
    'metadata-mismatched',
    role(delegating([{ ...delegation('ghost'), paths: ['*/*/*/*'] }])),
  ],
  [
    'a role that delegates 20,000 times',
    'metadata-malformed',
    role(delegating(Array.from({ length: 20_000 }, (_, at) => ({ ...delegation(`b${at}`), paths: ['x'] })))),
  ],
  [
    'a role that names 5,000 keys',
    'metadata-malformed',
    role(
      delegating(
        [],
        Object.fromEntries(
          Array.from({ length: 5000 }, (_, at) => [
            `${at}`.padStart(64, '0'),
            { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: `${at}`.padStart(64, '0') } },
          ]),
        ),
      ),
    ),
  ],
  [
    'a delegation with paths and hash prefixes',
    'metadata-malformed',
    role(delegating([{ ...delegation('both'), paths: ['*'], path_hash_prefixes: ['0'] }])),
  ],
  [
    'a delegation that any one may sign',
    'metadata-malformed',
    role(delegating([{ ...delegation('open'), threshold: 0, paths: ['*/*/*/*'] }])),
  ],
];

describe('a release by the key of CI', () => void it.each(manifests)('%s: %s', (_, code, act) => withstand(code, act)));
describe('a role by the key of CI or another', () =>
  void it.each(roles)('%s: %s', (_, code, act) => withstand(code, act)));
