/**
 * Makes the statement of provenance of a release and signs it, in a DSSE envelope: what was built of which files, by
 * whom, and which of the files were compared with upstream.
 */
import { canonicalJson } from '../../contract/canonical-json.ts';
import type { Digest } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import {
  type BuildRun,
  type StatedRelease,
  statementOf,
  statementPayloadType,
} from '../../contract/release/provenance.ts';
import { preAuthEncoding } from '../../contract/trust/dsse.ts';
import { programVersion } from '../../system/command-line/program-version.ts';
import type { SigningKey } from '../../system/signing/signing-key.ts';

/** Who builds, and by which keys they say so. */
export interface StatementWish {
  readonly keys: readonly SigningKey[];
  /** A URI. */
  readonly builderId: string;
  /** Of one run of the builder, such as the URL of a job. */
  readonly invocationId?: string | undefined;
}

/**
 * @param release as far as it is built; the statement itself is named by it afterwards
 * @param declaration of release.yaml
 * @throws SlipwayError `attachment-malformed` for one that is too long, `signer-failed`
 */
export function signedStatement(
  release: StatedRelease,
  declaration: Digest,
  { keys, builderId, invocationId }: StatementWish,
): Uint8Array {
  const statement = statementOf({
    release,
    dependencies: dependenciesOf(release, declaration),
    builderId,
    builderVersion: programVersion,
    invocationId,
  });
  const payload = canonicalJson(statement);
  const signed = preAuthEncoding(statementPayloadType, payload);
  const ordered = [...keys].sort((a, b) => (a.keyId < b.keyId ? -1 : 1));
  const bytes = canonicalJson({
    payloadType: statementPayloadType,
    payload: Buffer.from(payload).toString('base64'),
    signatures: ordered.map((key) => ({
      keyid: key.keyId,
      sig: Buffer.from(key.sign(signed).sig, 'hex').toString('base64'),
    })),
  });
  if (bytes.length <= limits.maxStatementBytes) return bytes;
  throw new SlipwayError(
    'attachment-malformed',
    `the statement would have ${bytes.length} bytes, ${limits.maxStatementBytes} allowed`,
    { hint: 'Pack several files into one component.' },
  );
}

/** The declaration, the documents, and of upstream's files the names that upstream gives them. */
function dependenciesOf(
  { upstream = [], attachments = [], components }: StatedRelease,
  declaration: Digest,
): BuildRun['dependencies'] {
  const digestOf = new Map(components.map(({ name, sha256 }) => [name, sha256]));
  return [
    { name: 'release.yaml', digest: { sha256: declaration } },
    ...upstream.map(({ component, checksums, signature }) => ({
      name: checksums?.name ?? component,
      digest: { sha256: digestOf.get(component) ?? '' },
      annotations: {
        component,
        ...(checksums ? { checksums: checksums.document } : {}),
        ...(signature ? { signature } : {}),
      },
    })),
    ...attachments.map(({ name, sha256, kind }) => ({ name, digest: { sha256 }, annotations: { kind } })),
  ];
}
