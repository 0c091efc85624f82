/** Bundles that were really signed, and what somebody could do to them. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../contract/errors.ts';
import {
  type ExpectedSigner,
  parseCosignBundle,
  parseCosignKey,
  parseTrustedRoot,
  trustInKeyAlone,
  verifyCosignBundle,
} from '../../../packager/upstream/cosign-bundle.ts';
import { beacon, bundleVector, managed, vector } from './vectors.ts';

const publicGood = 'public-good-trusted-root.json';
const staging = 'staging-trusted-root.json';

interface Case {
  readonly bytes: Uint8Array;
  readonly signer?: ExpectedSigner;
  readonly artifact?: Buffer;
  readonly root?: string;
}

async function verify({ bytes, signer = beacon, artifact = vector('a.txt'), root = publicGood }: Case): Promise<void> {
  const bundle = await parseCosignBundle(bytes, 'a bundle');
  const trust = await parseTrustedRoot(vector(root), root, signer);
  await verifyCosignBundle(bundle, artifact, signer, trust);
}

/** The bundle of a blob, changed. */
function changed(change: (bundle: Record<string, Json>) => void, name = 'happy-path-v0.3-new-mediaType'): Buffer {
  const bundle = JSON.parse(bundleVector(name).toString());
  change(bundle);
  return Buffer.from(JSON.stringify(bundle));
}
// biome-ignore lint/suspicious/noExplicitAny: a document that is taken apart by hand
type Json = any;

describe('a bundle that holds', () => {
  it.each([
    ['of a blob, in the log of the public good instance', { bytes: bundleVector('happy-path-v0.3-new-mediaType') }],
    ['of an attestation of provenance', { bytes: bundleVector('happy-path-intoto-in-dsse-v3') }],
    ['in a log of Rekor 2, with a time stamp', { bytes: bundleVector('rekor2-happy-path'), root: staging }],
    ['by a key, in the log', { bytes: bundleVector('managed-key-happy-path'), signer: managed }],
  ] satisfies [string, Case][])('%s', async (_what, taken) => {
    await expect(verify(taken)).resolves.toBeUndefined();
  });

  it('by a key counts without a log where nothing is in one', async () => {
    const bytes = changed((bundle) => {
      delete bundle.verificationMaterial.tlogEntries;
      delete bundle.verificationMaterial.timestampVerificationData;
    }, 'managed-key-happy-path');
    const bundle = await parseCosignBundle(bytes, 'a bundle');
    await verifyCosignBundle(bundle, vector('a.txt'), managed, trustInKeyAlone(managed));
    await expect(verify({ bytes, signer: managed })).rejects.toMatchObject({ code: 'upstream-signature-invalid' });
  });
});

const tampered = Buffer.concat([vector('a.txt'), Buffer.from('\n')]);
const other = (more: Partial<Extract<ExpectedSigner, { kind: 'identity' }>>): ExpectedSigner => ({
  ...(beacon as Extract<ExpectedSigner, { kind: 'identity' }>),
  ...more,
});
const blob = bundleVector('happy-path-v0.3-new-mediaType');
const otherKey: ExpectedSigner = { kind: 'key', key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey };

const attacks: [string, Case, ErrorCode?][] = [
  ['for another file', { bytes: blob, artifact: tampered }],
  ['of an attestation for another file', { bytes: bundleVector('happy-path-intoto-in-dsse-v3'), artifact: tampered }],
  ['by another identity', { bytes: blob, signer: other({ identity: 'https://github.com/k3s-io/k3s/release.yml' }) }],
  ['by an identity of which a part is expected', { bytes: blob, signer: other({ identity: 'https://github.com/' }) }],
  ['by an identity that a pattern fits', { bytes: blob, signer: other({ identity: '.*' }) }],
  ['of another issuer', { bytes: blob, signer: other({ issuer: 'https://accounts.google.com' }) }],
  ['by an identity where a key is expected', { bytes: blob, signer: managed }],
  ['by a key where an identity is expected', { bytes: bundleVector('managed-key-happy-path') }],
  ['by another key', { bytes: bundleVector('managed-key-happy-path'), signer: otherKey }],
  ['under another trusted root', { bytes: blob, root: staging }],
  ['of another instance', { bytes: bundleVector('bundle-from-wrong-instance_fail') }],
  ['whose proof of the log has another hash', { bytes: bundleVector('inclusion-proof-corrupted-hash_fail') }],
  ['whose proof has no root', { bytes: bundleVector('invalid-inclusion-proof_fail') }, 'attachment-malformed'],
  ['whose checkpoint nobody signed', { bytes: bundleVector('invalid-checkpoint-signature_fail') }],
  ['that is logged for another key', { bytes: bundleVector('incorrect-public-key_fail') }],
  ['whose digest is of another file', { bytes: bundleVector('message-digest-mismatch_fail') }],
  ['whose attestation is signed by nobody', { bytes: bundleVector('dsse-invalid-sig_fail') }],
  ['whose attestation was exchanged', { bytes: bundleVector('dsse-mismatch-envelope_fail') }],
  ['without a time stamp', { bytes: bundleVector('rekor2-no-timestamp_fail'), root: staging }],
  [
    'of Rekor 2 without a proof of the log',
    { bytes: bundleVector('rekor2-no-inclusion-proof_fail'), root: staging },
    'attachment-malformed',
  ],
  [
    'without a proof of the log',
    {
      bytes: changed((bundle) => {
        delete bundle.verificationMaterial.tlogEntries[0].inclusionProof;
      }),
    },
    'attachment-malformed',
  ],
  [
    'that is in no log',
    {
      bytes: changed((bundle) => {
        bundle.verificationMaterial.tlogEntries = [];
      }),
    },
  ],
  [
    'with another signature',
    {
      bytes: changed((bundle) => {
        const signature = Buffer.from(bundle.messageSignature.signature, 'base64');
        signature[10] = (signature[10] ?? 0) ^ 1;
        bundle.messageSignature.signature = signature.toString('base64');
      }),
    },
  ],
  [
    'of a scan, by the same identity',
    {
      bytes: changed((bundle) => {
        const statement = JSON.parse(Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString());
        statement.predicateType = 'https://cosign.sigstore.dev/attestation/vuln/v1';
        bundle.dsseEnvelope.payload = Buffer.from(JSON.stringify(statement)).toString('base64');
      }, 'happy-path-intoto-in-dsse-v3'),
    },
    'attachment-malformed',
  ],
  ['of a version that is not known', { bytes: bundleVector('bundle-unknown-version_fail') }, 'attachment-malformed'],
  ['that is no JSON', { bytes: Buffer.from('MEUCIQ==') }, 'attachment-malformed'],
];

describe('a bundle is refused', () => {
  it.each(attacks)('%s', async (_what, attack, code: ErrorCode = 'upstream-signature-invalid') => {
    await expect(verify(attack)).rejects.toMatchObject({ code });
  });

  it('with a time in the future of its certificate', async () => {
    const signer = other({});
    const bytes = bundleVector('integrated-time-in-future_fail');
    await expect(verify({ bytes, signer })).rejects.toMatchObject({ code: 'upstream-signature-invalid' });
  });
});

it.each([
  ['no JSON', 'x'],
  ['no log', '{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}'],
])('refuses a trusted root with %s', async (_what, text) => {
  await expect(parseTrustedRoot(Buffer.from(text), 'root', beacon)).rejects.toMatchObject({
    code: 'attachment-malformed',
  });
});

it('refuses a key that is none', () => {
  expect(() => parseCosignKey(Buffer.from('x'), 'cosign.pub')).toThrow(
    expect.objectContaining({ code: 'key-unreadable' }),
  );
});
