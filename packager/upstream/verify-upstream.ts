/**
 * Compares the files of a release with what their makers publish. Every file that is not declared as the publisher's own
 * has to be named by a list of checksums or by a cosign bundle, and every document that was given has to be of use.
 */
import type { TrustMaterial } from '@sigstore/verify';
import { type Digest, sha256 } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import type { UpstreamCheck, UpstreamSignature } from '../../contract/release/upstream-check.ts';
import type { GivenDocument } from '../release/given-document.ts';
import { parseChecksums } from './checksum-list.ts';
import {
  type CosignBundle,
  cosignKeyId,
  type ExpectedSigner,
  parseCosignBundle,
  parseTrustedRoot,
  trustInKeyAlone,
  verifyCosignBundle,
} from './cosign-bundle.ts';

/** What upstream publishes about its files. */
export interface UpstreamEvidence {
  readonly checksums: readonly GivenDocument[];
  readonly cosignBundles: readonly GivenDocument[];
  /** Undefined where there are no bundles. */
  readonly signer: ExpectedSigner | undefined;
  readonly trustedRoot: GivenDocument | undefined;
}

/** A file of the release that its maker publishes. */
export interface UpstreamFile {
  readonly component: string;
  /** What upstream calls it. */
  readonly name: string;
  readonly sha256: Digest;
  /** All of its bytes. */
  readonly read: () => Promise<Buffer>;
}

interface ChecksumList extends GivenDocument {
  readonly sha256: Digest;
  readonly digests: ReadonlyMap<string, Digest>;
}

/** A signature that holds. */
type SignedBy = { readonly bundle: Digest } & (
  | { readonly identity: string; readonly issuer: string }
  | { readonly key: Digest }
);

/** By the digest of what is signed. */
type Signatures = ReadonlyMap<Digest, SignedBy>;

/**
 * @returns a check for each file, in their order, and the media types of the bundles in theirs
 * @throws SlipwayError `upstream-unnamed`, `upstream-mismatched`, `upstream-signature-invalid`, `attachment-malformed`
 */
export async function verifyUpstream(
  files: readonly UpstreamFile[],
  evidence: UpstreamEvidence,
): Promise<{ readonly checks: UpstreamCheck[]; readonly mediaTypes: readonly string[] }> {
  const lists = evidence.checksums.map((list): ChecksumList => {
    return { ...list, sha256: sha256(list.bytes), digests: parseChecksums(list.bytes, list.name) };
  });
  const bundles = await Promise.all(
    evidence.cosignBundles.map(async ({ name, bytes }) => ({
      parsed: await parseCosignBundle(bytes, name),
      digest: sha256(bytes),
    })),
  );
  const signatures = await signaturesOf(bundles, files, lists, evidence);
  const checks = files.map((file) => checkOf(file, lists, signatures));
  refuseUseless(lists, files);
  return { checks, mediaTypes: bundles.map(({ parsed }) => parsed.mediaType) };
}

async function signaturesOf(
  bundles: readonly { readonly parsed: CosignBundle; readonly digest: Digest }[],
  files: readonly UpstreamFile[],
  lists: readonly ChecksumList[],
  { signer, trustedRoot }: UpstreamEvidence,
): Promise<Signatures> {
  const found = new Map<Digest, SignedBy>();
  if (!signer) return found;
  const trust: TrustMaterial = trustedRoot
    ? await parseTrustedRoot(trustedRoot.bytes, trustedRoot.name, signer)
    : trustInKeyAlone(signer);
  const by =
    signer.kind === 'key' ? { key: cosignKeyId(signer.key) } : { identity: signer.identity, issuer: signer.issuer };
  const artifacts = new Map<Digest, () => Promise<Buffer>>([
    ...lists.map((list) => [list.sha256, async () => Buffer.from(list.bytes)] as const),
    ...files.map((file) => [file.sha256, file.read] as const),
  ]);
  for (const { parsed, digest } of bundles) {
    const signed = parsed.signs.filter((each) => artifacts.has(each));
    if (signed.length === 0) {
      throw new SlipwayError('upstream-mismatched', `${parsed.name} signs no file of this release and no list`, {
        hint: `It signs ${parsed.signs.join(', ') || 'no SHA-256'}. Download the file again, or leave the bundle out.`,
      });
    }
    for (const each of signed) {
      const artifact = (await artifacts.get(each)?.()) ?? Buffer.alloc(0);
      await verifyCosignBundle(parsed, artifact, signer, trust);
      found.set(each, { bundle: digest, ...by });
    }
  }
  return found;
}

function checkOf(file: UpstreamFile, lists: readonly ChecksumList[], signatures: Signatures): UpstreamCheck {
  const { component, name } = file;
  const naming = lists.filter(({ digests }) => digests.has(name));
  for (const list of naming) requireSame(file, list);
  const own = signatures.get(file.sha256);
  // A list that is signed is worth more than one that is not.
  const list = naming.find((each) => signatures.has(each.sha256)) ?? naming[0];
  const ofList = list && signatures.get(list.sha256);
  if (list === undefined && own === undefined) throw unnamed(file, lists);
  const signature: UpstreamSignature | undefined = own
    ? { ...own, signs: 'component' }
    : ofList && { ...ofList, signs: 'checksums' };
  return {
    component,
    ...(list ? { checksums: { document: list.sha256, name } } : {}),
    ...(signature ? { signature } : {}),
  };
}

function requireSame({ component, name, sha256: found }: UpstreamFile, list: ChecksumList): void {
  const expected = list.digests.get(name);
  if (expected === found) return;
  throw new SlipwayError(
    'upstream-mismatched',
    `${component}: ${list.name} says ${expected} of ${name}, found ${found}`,
    {
      hint: 'Download it again; a file of another version or platform has the same name in its own list.',
    },
  );
}

function unnamed({ component, name }: UpstreamFile, lists: readonly ChecksumList[]): SlipwayError {
  const known = lists.flatMap(({ digests }) => [...digests.keys()]);
  const shown = [...known.slice(0, maxNames), ...(known.length > maxNames ? ['…'] : [])].join(', ');
  const names = known.length === 0 ? '' : ` The lists name ${shown}.`;
  return new SlipwayError('upstream-unnamed', `${component}: no list names ${name}, and no bundle signs it`, {
    hint: `Write upstream: NAME for it in release.yaml as upstream calls it, or upstream: none if it is your own.${names}`,
  });
}

const maxNames = 8;

/** A list that was given and compared with nothing would look like a check. */
function refuseUseless(lists: readonly ChecksumList[], files: readonly UpstreamFile[]): void {
  const idle = lists.find(({ digests }) => !files.some(({ name }) => digests.has(name)));
  if (!idle) return;
  throw new SlipwayError('upstream-unnamed', `${idle.name} names no file of this release`, {
    hint: 'Give the list of this version and platform, or leave it out.',
  });
}
