/**
 * Verifies a cosign bundle (Sigstore bundle, https://docs.sigstore.dev/about/bundle/) without a network. Certificates,
 * logs and time stamps are believed by a trusted root that the caller gives; who has to have signed is the caller's word.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Bundle } from '@sigstore/bundle';
import type { KeyFinderFunc, Signer, TrustMaterial } from '@sigstore/verify';
import * as z from 'zod';
import { type Digest, sha256 } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { statementPayloadType } from '../../contract/release/provenance.ts';
import { strictJson } from '../../contract/strict-json.ts';

/** Who has to have signed. */
export type ExpectedSigner =
  | { readonly kind: 'identity'; readonly identity: string; readonly issuer: string }
  | { readonly kind: 'key'; readonly key: KeyObject };

/** A bundle whose format is right; nothing in it is believed yet. */
export interface CosignBundle {
  readonly name: string;
  readonly bundle: Bundle;
  readonly mediaType: string;
  /** What it says that it signs. */
  readonly signs: readonly Digest[];
}

/**
 * Of an attestation. One of another kind, such as a scan for weaknesses, is also signed by the maker of a file and does
 * not say that he made it.
 */
const attestationSchema = z.object({
  predicateType: z.string().startsWith('https://slsa.dev/provenance/', 'expected an attestation of provenance'),
  subject: z.array(z.object({ digest: z.record(z.string(), z.string()) })).min(1),
});

/** @throws SlipwayError `attachment-malformed` */
export async function parseCosignBundle(bytes: Uint8Array, name: string): Promise<CosignBundle> {
  if (bytes.length > limits.maxCosignBundleBytes) throw malformed(name, `it has ${bytes.length} bytes`);
  const { bundleFromJSON } = await import('@sigstore/bundle');
  try {
    const bundle = bundleFromJSON(strictJson(bytes));
    return { name, bundle, mediaType: bundle.mediaType, signs: digestsOf(bundle) };
  } catch (cause) {
    throw malformed(name, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** Of a blob its digest; of an in-toto statement those of its subjects. */
function digestsOf({ content }: Bundle): Digest[] {
  if (content.$case === 'messageSignature') {
    const { algorithm, digest } = content.messageSignature.messageDigest;
    const isSha256 = (algorithm === 0 || algorithm === sha2of256) && digest.length === 32;
    return isSha256 ? [Buffer.from(digest).toString('hex')] : [];
  }
  const { payloadType, payload } = content.dsseEnvelope;
  if (payloadType !== statementPayloadType) throw new Error(`its payload is ${payloadType}`);
  const { subject } = attestationSchema.parse(JSON.parse(Buffer.from(payload).toString('utf8')));
  return subject.flatMap(({ digest: { sha256: found } }) => (found === undefined ? [] : [found]));
}

/** HashAlgorithm.SHA2_256 of the Sigstore protobuf. */
const sha2of256 = 1;

/** @throws SlipwayError `attachment-malformed` */
export async function parseTrustedRoot(
  bytes: Uint8Array,
  name: string,
  signer: ExpectedSigner,
): Promise<TrustMaterial> {
  const [{ TrustedRoot }, { toTrustMaterial }] = await Promise.all([
    import('@sigstore/protobuf-specs'),
    import('@sigstore/verify'),
  ]);
  try {
    const root = TrustedRoot.fromJSON(strictJson(bytes));
    if (root.tlogs.length === 0) throw new Error('it names no transparency log');
    return toTrustMaterial(root, keyFinder(signer));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SlipwayError('attachment-malformed', `expected a trusted root of Sigstore in ${name}, but ${why}`, {
      hint: 'Give trusted_root.json, as cosign trusted-root and the TUF repository of Sigstore have it.',
      cause,
    });
  }
}

/** Believes a key alone: for bundles that are in no log. */
export function trustInKeyAlone(signer: ExpectedSigner): TrustMaterial {
  return { certificateAuthorities: [], timestampAuthorities: [], tlogs: [], ctlogs: [], publicKey: keyFinder(signer) };
}

/** The hint in a bundle is its own word: whatever it says, the key is the one that was given. */
function keyFinder(signer: ExpectedSigner): KeyFinderFunc {
  return () => {
    if (signer.kind === 'key') return { publicKey: signer.key, validFor: () => true };
    throw new Error('it is signed by a key, and a certificate was expected');
  };
}

/**
 * @param artifact the signed file as a whole
 * @throws SlipwayError `upstream-signature-invalid`
 */
export async function verifyCosignBundle(
  { name, bundle, signs }: CosignBundle,
  artifact: Buffer,
  signer: ExpectedSigner,
  trust: TrustMaterial,
): Promise<void> {
  const { toSignedEntity, Verifier } = await import('@sigstore/verify');
  const isKeyed = signer.kind === 'key';
  // A key has no certificate that a time or a log of certificates would be about. Believed alone, it needs no log.
  const thresholds = {
    tlogThreshold: isKeyed && trust.tlogs.length === 0 ? 0 : 1,
    ctlogThreshold: isKeyed ? 0 : 1,
    timestampThreshold: isKeyed ? 0 : 1,
  };
  let found: Signer;
  try {
    found = new Verifier(trust, thresholds).verify(toSignedEntity(bundle, artifact));
  } catch (cause) {
    throw refused(name, cause instanceof Error ? cause.message : String(cause), cause);
  }
  // The log vouches for a digest that the bundle names; the file has to have that one.
  if (!signs.includes(sha256(artifact))) throw refused(name, 'it signs another file');
  requireSigner(name, found, signer);
}

/** Word for word: the library takes an identity for a pattern that may match anywhere. */
function requireSigner(name: string, { key, identity }: Signer, signer: ExpectedSigner): void {
  if (signer.kind === 'key') {
    if (identity === undefined && key.equals(signer.key)) return;
    throw refused(name, 'it is signed by a certificate, and a key was expected');
  }
  const [subject, issuer] = [identity?.subjectAlternativeName, identity?.extensions?.issuer];
  if (subject !== signer.identity) throw refused(name, `expected the identity ${signer.identity}, found ${subject}`);
  if (issuer !== signer.issuer) throw refused(name, `expected the issuer ${signer.issuer}, found ${issuer}`);
}

/** @throws SlipwayError `key-unreadable` */
export function parseCosignKey(pem: Uint8Array, name: string): KeyObject {
  try {
    return createPublicKey(Buffer.from(pem));
  } catch (cause) {
    throw new SlipwayError('key-unreadable', `expected a public key in PEM form in ${name}`, {
      hint: 'Give the key that upstream publishes for cosign, such as cosign.pub.',
      cause,
    });
  }
}

/** SHA-256 of its SubjectPublicKeyInfo, as people compare keys. */
export function cosignKeyId(key: KeyObject): Digest {
  return sha256(key.export({ type: 'spki', format: 'der' }));
}

function malformed(name: string, why: string, cause?: unknown): SlipwayError {
  return new SlipwayError('attachment-malformed', `expected a Sigstore bundle in ${name}, but ${why}`, {
    hint: 'Make it with: cosign sign-blob --bundle FILE, or take the one that upstream publishes.',
    cause,
  });
}

function refused(name: string, why: string, cause?: unknown): SlipwayError {
  return new SlipwayError('upstream-signature-invalid', `${name} does not hold: ${why}`, {
    hint: 'Get bundle, file and trusted root again, and check the identity, the issuer or the key that you expect.',
    cause,
  });
}
