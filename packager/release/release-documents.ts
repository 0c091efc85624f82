/**
 * Gathers the documents of a release: what upstream publishes about its files, once they agree with it, SBOMs, and the
 * statement of who built it.
 */
import type { Digest } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { attachmentMediaTypes } from '../../contract/release/attachment.ts';
import type { StatedRelease } from '../../contract/release/provenance.ts';
import type { UpstreamCheck } from '../../contract/release/upstream-check.ts';
import { streamDigest } from '../../contract/stream-digest.ts';
import { type AttachedDocument, attachedDocument } from '../attachments/attach.ts';
import { readSbom } from '../attachments/sbom.ts';
import { type StatementWish, signedStatement } from '../attachments/signed-statement.ts';
import { type UpstreamEvidence, type UpstreamFile, verifyUpstream } from '../upstream/verify-upstream.ts';
import { type OpenedSource, sourceError } from './component-source.ts';
import { upstreamNameOf } from './declaration.ts';
import type { GivenDocument } from './given-document.ts';

/** What a build is given beside its declaration. */
export interface ReleaseDocuments {
  /** Undefined: nothing is compared with upstream. */
  readonly evidence: UpstreamEvidence | undefined;
  readonly sboms: readonly GivenDocument[];
  readonly statement: StatementWish | undefined;
}

export const noDocuments: ReleaseDocuments = { evidence: undefined, sboms: [], statement: undefined };

/** Files that are what upstream publishes, before they are packed. */
interface VerifiedUpstream {
  readonly checks: UpstreamCheck[];
  readonly digests: ReadonlyMap<string, Digest>;
  /** Evidence to keep. */
  readonly documents: readonly AttachedDocument[];
}

/** @throws SlipwayError `upstream-unnamed`, `upstream-mismatched`, `upstream-signature-invalid`, `attachment-malformed` */
export async function verifiedUpstream(
  opened: readonly OpenedSource[],
  evidence: UpstreamEvidence | undefined,
): Promise<VerifiedUpstream> {
  if (!evidence) {
    refuseUnchecked(opened);
    return { checks: [], digests: new Map(), documents: [] };
  }
  const files: UpstreamFile[] = [];
  for (const component of opened) {
    const name = upstreamNameOf(component.declared);
    if (name !== undefined) files.push(await upstreamFileOf(component, name));
  }
  if (files.length === 0) {
    throw new SlipwayError('upstream-unnamed', 'no component of this release is published by anybody else', {
      hint: 'Remove upstream: none from those that are, or leave the lists and bundles out.',
    });
  }
  const { checks, mediaTypes } = await verifyUpstream(files, evidence);
  return {
    checks,
    digests: new Map(files.map((file) => [file.component, file.sha256])),
    documents: [
      ...evidence.checksums.map((list) => attachedDocument('checksums', list, attachmentMediaTypes.checksums)),
      ...evidence.cosignBundles.map((bundle, at) => attachedDocument('cosign-bundle', bundle, mediaTypes[at] ?? '')),
    ],
  };
}

/** Who writes a name of upstream wants it compared; a build that passes without would only look like that. */
function refuseUnchecked(opened: readonly OpenedSource[]): void {
  const stated = opened.find(
    ({ declared }) => declared.upstream !== undefined && upstreamNameOf(declared) !== undefined,
  );
  if (!stated) return;
  const { name, upstream } = stated.declared;
  throw new SlipwayError(
    'upstream-unnamed',
    `${name}: upstream calls it ${upstream}, and nothing was given to compare`,
    {
      hint: 'Give --checksums or --cosign-bundle, or remove upstream from release.yaml.',
    },
  );
}

async function upstreamFileOf({ declared, source }: OpenedSource, name: string): Promise<UpstreamFile> {
  const { name: component } = declared;
  const digest = await streamDigest(source.open()).catch((error: unknown) => {
    throw sourceError(component, declared.source ?? '', error);
  });
  return { component, name, sha256: digest, read: () => readWhole(component, source) };
}

async function readWhole(component: string, source: OpenedSource['source']): Promise<Buffer> {
  if (source.length > limits.maxSignedFileBytes) {
    throw new SlipwayError(
      'component-too-large',
      `${component}: ${source.length} bytes, ${limits.maxSignedFileBytes} allowed where its signature is verified`,
      { hint: 'Give a signed list of checksums instead.' },
    );
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.open()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What was compared is what was packed. @throws SlipwayError `component-unreadable` */
export function requirePacked({ digests }: VerifiedUpstream, component: string, packed: Digest): void {
  const compared = digests.get(component);
  if (compared === undefined || compared === packed) return;
  throw new SlipwayError('component-unreadable', `${component}: its bytes changed after they were compared`, {
    hint: 'Build again when nothing writes to it any more.',
  });
}

/** All but the statement, each once. @throws SlipwayError `attachment-malformed` */
export function gatherDocuments({ documents }: VerifiedUpstream, sboms: readonly GivenDocument[]): AttachedDocument[] {
  const bills = sboms.map((sbom) => attachedDocument('sbom', sbom, readSbom(sbom.bytes, sbom.name).mediaType));
  return [...new Map([...documents, ...bills].map((each) => [each.attachment.sha256, each])).values()];
}

const statementName = 'provenance.dsse.json';

/** The statement comes last, and speaks of all others. */
export function withStatement(
  gathered: readonly AttachedDocument[],
  wish: StatementWish | undefined,
  release: Omit<StatedRelease, 'attachments'>,
  declaration: Digest,
): readonly AttachedDocument[] {
  if (!wish) return gathered;
  const attachments = gathered.map(({ attachment }) => attachment);
  const bytes = signedStatement({ ...release, attachments }, declaration, wish);
  return [...gathered, attachedDocument('provenance', { name: statementName, bytes }, attachmentMediaTypes.provenance)];
}
