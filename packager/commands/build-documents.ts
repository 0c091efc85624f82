/** Reads the documents that `build` is given by its options, and says which of them go together. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { readSigningKeys } from '../../system/signing/key-files.ts';
import type { StatementWish } from '../attachments/signed-statement.ts';
import { type GivenDocument, readGiven } from '../release/given-document.ts';
import type { ReleaseDocuments } from '../release/release-documents.ts';
import { type ExpectedSigner, parseCosignKey } from '../upstream/cosign-bundle.ts';
import type { UpstreamEvidence } from '../upstream/verify-upstream.ts';
import type { PackagerContext } from './context.ts';

export interface DocumentOptions {
  readonly checksums?: string[];
  readonly cosignBundle?: string[];
  readonly trustedRoot?: string;
  readonly certificateIdentity?: string;
  readonly certificateOidcIssuer?: string;
  readonly cosignKey?: string;
  readonly sbom?: string[];
  readonly provenanceKey?: string[];
  readonly passphraseFile?: string;
  readonly builderId?: string;
  readonly invocationId?: string;
}

/** @throws SlipwayError `usage`, `document-unreadable`, `attachment-malformed`, `key-…` */
export async function readReleaseDocuments(
  options: DocumentOptions,
  context: PackagerContext,
): Promise<ReleaseDocuments> {
  return {
    evidence: await readEvidence(options),
    sboms: await readAll(options.sbom, limits.maxAttachmentBytes),
    statement: await readWish(options, context),
  };
}

async function readEvidence(options: DocumentOptions): Promise<UpstreamEvidence | undefined> {
  const { checksums, cosignBundle, trustedRoot } = options;
  const signer = await readSigner(options);
  if (!checksums && !cosignBundle) {
    if (trustedRoot === undefined) return undefined;
    throw new SlipwayError('usage', '--trusted-root goes with --cosign-bundle');
  }
  return {
    checksums: await readAll(checksums, limits.maxChecksumsBytes),
    cosignBundles: await readAll(cosignBundle, limits.maxCosignBundleBytes),
    signer,
    trustedRoot: trustedRoot === undefined ? undefined : await readLimited(trustedRoot, limits.maxCosignBundleBytes),
  };
}

/** Whose signature counts is never guessed: a bundle by whomever proves nothing. */
async function readSigner(options: DocumentOptions): Promise<ExpectedSigner | undefined> {
  const {
    cosignBundle,
    cosignKey,
    certificateIdentity: identity,
    certificateOidcIssuer: issuer,
    trustedRoot,
  } = options;
  if (!cosignBundle) {
    if (cosignKey === undefined && identity === undefined && issuer === undefined) return undefined;
    throw new SlipwayError('usage', '--cosign-key and --certificate-… go with --cosign-bundle');
  }
  if (cosignKey !== undefined) {
    if (identity !== undefined || issuer !== undefined) {
      throw new SlipwayError('usage', 'give --cosign-key, or --certificate-identity and --certificate-oidc-issuer');
    }
    const { bytes, name } = await readLimited(cosignKey, maxKeyBytes);
    return { kind: 'key', key: parseCosignKey(bytes, name) };
  }
  if (identity === undefined || issuer === undefined || trustedRoot === undefined) {
    throw new SlipwayError(
      'usage',
      '--cosign-bundle needs --trusted-root, --certificate-identity and --certificate-oidc-issuer, or --cosign-key',
      { hint: 'Give the identity and the issuer that upstream documents; both are compared word for word.' },
    );
  }
  return { kind: 'identity', identity, issuer };
}

const maxKeyBytes = 64 * 1024;

async function readWish(options: DocumentOptions, context: PackagerContext): Promise<StatementWish | undefined> {
  const { provenanceKey, passphraseFile, builderId, invocationId } = options;
  if (!provenanceKey) {
    if (builderId === undefined && invocationId === undefined) return undefined;
    throw new SlipwayError('usage', '--builder-id and --invocation-id go with --provenance-key');
  }
  if (builderId === undefined || !URL.canParse(builderId)) {
    throw new SlipwayError('usage', `--builder-id: expected a URI, found ${builderId ?? 'none'}`, {
      hint: 'Name who builds, such as https://ci.example.com/slipway.',
    });
  }
  const places = { key: provenanceKey, ...(passphraseFile === undefined ? {} : { passphraseFile }) };
  const keys = await readSigningKeys(places, context.keySurroundings, (line) => context.output.say(line));
  return { keys, builderId, invocationId };
}

async function readAll(files: readonly string[] = [], maxBytes: number): Promise<GivenDocument[]> {
  const documents: GivenDocument[] = [];
  for (const file of files) documents.push(await readLimited(file, maxBytes));
  return documents;
}

async function readLimited(file: string, maxBytes: number): Promise<GivenDocument> {
  // What cannot be looked at cannot be read either, and reading says why.
  const found = await stat(file).catch(() => undefined);
  if (found && found.size > maxBytes) {
    const size = `${path.basename(file)} has ${found.size} bytes`;
    throw new SlipwayError('attachment-malformed', `${size}, ${maxBytes} allowed`, {
      hint: 'Give the file as its maker publishes it.',
    });
  }
  return readGiven(file);
}
