/**
 * Reports on the documents beside a release: what SBOMs hold, what the statement of provenance says, and whether it is
 * about this release and signed by a key that is trusted for it.
 */
import path from 'node:path';
import { sha256 } from '../../contract/digest.ts';
import { SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import type { Attachment } from '../../contract/release/attachment.ts';
import type { ReleaseManifest } from '../../contract/release/manifest.ts';
import { judgeStatement } from '../../contract/release/provenance.ts';
import { makeFolder, replaceFile } from '../../system/files/durable-file.ts';
import type { PublicKey } from '../../system/signing/signing-key.ts';
import { readSbom } from '../attachments/sbom.ts';
import { originLines } from './origin-text.ts';

/** Undefined where the subject does not carry it, as most bundles do not. */
export type ReadAttachment = (attachment: Attachment) => Promise<Uint8Array | undefined>;

interface SbomReport {
  readonly name: string;
  readonly format: string;
  readonly components: number;
}

interface StatementReport {
  readonly name: string;
  readonly builder: string;
  readonly buildType: string;
  readonly invocation: string | undefined;
  readonly subjects: number;
  /** Whether it names every component with its digest. */
  readonly isAboutRelease: boolean;
  /** Of the given keys, those that signed it; undefined where no key was given to check it with. */
  readonly signedBy: readonly string[] | undefined;
}

/** Beside a statement that can be read; it spoils nothing of that. */
interface MalformedStatement {
  readonly name: string;
  readonly message: string;
}

export interface AttachmentReport {
  readonly sboms: readonly SbomReport[];
  readonly provenance: readonly StatementReport[];
  readonly malformedStatements: readonly MalformedStatement[];
  readonly lines: readonly string[];
  readonly found: readonly FoundDocument[];
}

interface FoundDocument {
  readonly attachment: Attachment;
  readonly bytes: Uint8Array;
}

/** @throws SlipwayError `digest-mismatch`, `attachment-malformed`; `provenance-invalid` where no statement is readable */
export async function describeAttachments(
  manifest: ReleaseManifest,
  read: ReadAttachment,
  keys: readonly PublicKey[],
): Promise<AttachmentReport> {
  const found: FoundDocument[] = [];
  for (const attachment of manifest.attachments ?? []) {
    const bytes = await read(attachment);
    if (bytes) found.push({ attachment, bytes: requireDigest(attachment, bytes) });
  }
  const ofKind = (kind: Attachment['kind']) => found.filter(({ attachment }) => attachment.kind === kind);
  const sboms = ofKind('sbom').map(sbomReport);
  const { provenance, malformedStatements } = statementReports(ofKind('provenance'), manifest, keys);
  const absent = (manifest.attachments?.length ?? 0) - found.length;
  const lines = [
    ...originLines(manifest),
    ...sboms.map(({ name, format, components }) => `${name}: ${format}, ${components} components`),
    ...provenance.flatMap(statementLines),
    ...malformedStatements.map(({ name, message }) => `warning: ${name} is passed over: ${message}`),
    ...(absent === 0 ? [] : [`${absent} attachments are not in it`]),
  ];
  return { sboms, provenance, malformedStatements, lines, found };
}

function requireDigest({ name, sha256: expected }: Attachment, bytes: Uint8Array): Uint8Array {
  const digest = sha256(bytes);
  if (digest === expected) return bytes;
  throw new SlipwayError('digest-mismatch', `attachment ${name}: expected sha256 ${expected}, found ${digest}`, {
    hint: 'Publish the release again from its build folder.',
  });
}

function sbomReport({ attachment: { name }, bytes }: FoundDocument): SbomReport {
  const { format, version, components } = readSbom(bytes, name);
  return { name, format: `${format} ${version}`, components };
}

/** @throws SlipwayError `provenance-invalid` of the first, where there are some and none can be read */
function statementReports(
  documents: readonly FoundDocument[],
  manifest: ReleaseManifest,
  keys: readonly PublicKey[],
): Pick<AttachmentReport, 'provenance' | 'malformedStatements'> {
  const provenance: StatementReport[] = [];
  const failures: { readonly name: string; readonly error: SlipwayError }[] = [];
  for (const document of documents) {
    try {
      provenance.push(statementReport(document, manifest, keys));
    } catch (thrown) {
      const error = toSlipwayError(thrown);
      if (error.code !== 'provenance-invalid') throw thrown;
      failures.push({ name: document.attachment.name, error });
    }
  }
  const [first] = failures;
  if (first && provenance.length === 0) throw first.error;
  const malformedStatements = failures.map(({ name, error }) => ({ name, message: error.message }));
  return { provenance, malformedStatements };
}

function statementReport(
  { attachment: { name }, bytes }: FoundDocument,
  manifest: ReleaseManifest,
  keys: readonly PublicKey[],
): StatementReport {
  const { statement, signers, isAboutRelease } = judgeStatement(bytes, manifest, keys);
  const { buildDefinition, runDetails } = statement.predicate;
  return {
    name,
    builder: runDetails.builder.id,
    buildType: buildDefinition.buildType,
    invocation: runDetails.metadata?.invocationId,
    subjects: statement.subject.length,
    isAboutRelease,
    signedBy: keys.length === 0 ? undefined : signers.map(({ keyId }) => keyId),
  };
}

function statementLines({ name, builder, invocation, subjects, isAboutRelease, signedBy }: StatementReport): string[] {
  const run = invocation === undefined ? '' : `, run ${invocation}`;
  return [
    `${name}: built by ${builder}${run}, ${subjects} subjects`,
    ...(isAboutRelease ? [] : [`warning: ${name} does not name every component of this release`]),
    signedBy === undefined
      ? `${name}: its signature was not checked: give --provenance-key`
      : signedBy.length === 0
        ? `warning: ${name} is signed by none of the given keys`
        : `${name}: signed by ${signedBy.map((id) => id.slice(0, 12)).join(' and ')}`,
  ];
}

/** @returns the paths; of two documents of one name the second has its digest before the name */
export async function writeDocuments(folder: string, documents: readonly FoundDocument[]): Promise<string[]> {
  const written: string[] = [];
  await makeFolder(folder);
  for (const { attachment, bytes } of documents) {
    const plain = path.join(folder, attachment.name);
    const file = written.includes(plain)
      ? path.join(folder, `${attachment.sha256.slice(0, 12)}-${attachment.name}`)
      : plain;
    await replaceFile(file, bytes);
    written.push(file);
  }
  return written;
}
