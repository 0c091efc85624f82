/**
 * Defines the statement of provenance of a release (in-toto Statement 1, predicate SLSA provenance 1) and holds it
 * against the release. The statement says who built what from what; a signature makes it somebody's word.
 */
import * as z from 'zod';
import { isSameJson } from '../canonical-json.ts';
import { limits } from '../limits.ts';
import { strictJson } from '../strict-json.ts';
import {
  decodeEnvelope,
  type Envelope,
  invalidProvenance,
  payloadOf,
  type SignerKey,
  signersOfEnvelope,
} from '../trust/dsse.ts';
import type { ReleaseManifest } from './manifest.ts';

export const statementPayloadType = 'application/vnd.in-toto+json';
const statementType = 'https://in-toto.io/Statement/v1';
const predicateType = 'https://slsa.dev/provenance/v1';
/** What slipway-packager does: it packs declared files, as release.yaml says. */
const slipwayBuildType = 'https://slipway.io/build/v1';

const digests = z.record(z.string(), z.string());

/** A file that went into the build (SLSA, ResourceDescriptor). */
const resourceSchema = z.object({
  name: z.string().max(4096).optional(),
  uri: z.string().max(4096).optional(),
  digest: digests.optional(),
  annotations: z.record(z.string(), z.unknown()).optional(),
});

/** Statements of other builders say more; what is not named here is passed over. */
const statementSchema = z.object({
  _type: z.literal(statementType),
  subject: z
    .array(z.object({ name: z.string().max(4096), digest: digests }))
    .min(1)
    .max(limits.maxComponents),
  predicateType: z.literal(predicateType),
  predicate: z.object({
    buildDefinition: z.object({
      buildType: z.string().max(4096),
      externalParameters: z.record(z.string(), z.unknown()),
      resolvedDependencies: z.array(resourceSchema).max(4096).optional(),
    }),
    runDetails: z.object({
      builder: z.object({ id: z.string().min(1).max(4096), version: digests.optional() }),
      metadata: z.object({ invocationId: z.string().max(4096).optional() }).optional(),
    }),
  }),
});
type Statement = z.infer<typeof statementSchema>;

type StatedMember = 'product' | 'platform' | 'version' | 'counter' | 'floors' | 'distribution' | 'onRollback';

/** A release as far as a statement speaks of it: all but what `publish` adds, and the statement itself. */
export type StatedRelease = Pick<ReleaseManifest, StatedMember | 'attachments' | 'upstream'> & {
  readonly components: readonly Pick<
    ReleaseManifest['components'][number],
    'name' | 'kind' | 'installPath' | 'mode' | 'sha256'
  >[];
};

/** What a build says of itself. */
export interface BuildRun {
  readonly release: StatedRelease;
  readonly dependencies: readonly z.infer<typeof resourceSchema>[];
  /** A URI that names who builds. */
  readonly builderId: string;
  readonly builderVersion: string;
  readonly invocationId?: string | undefined;
}

/** No times are in it: the same build by the same builder gives the same bytes. */
export function statementOf(run: BuildRun): Statement {
  const { release, dependencies, builderId, builderVersion, invocationId } = run;
  return {
    _type: statementType,
    subject: release.components.map(({ name, sha256 }) => ({ name, digest: { sha256 } })),
    predicateType,
    predicate: {
      buildDefinition: {
        buildType: slipwayBuildType,
        externalParameters: parametersOf(release),
        resolvedDependencies: [...dependencies],
      },
      runDetails: {
        builder: { id: builderId, version: { 'slipway-packager': builderVersion } },
        ...(invocationId === undefined ? {} : { metadata: { invocationId } }),
      },
    },
  };
}

/** A statement as it is read, signed or not. @throws SlipwayError `provenance-invalid` */
export function readStatement(bytes: Uint8Array): { readonly envelope: Envelope; readonly statement: Statement } {
  const envelope = decodeEnvelope(bytes);
  if (envelope.payloadType !== statementPayloadType) {
    throw invalidProvenance(`expected a payload of ${statementPayloadType}, found ${envelope.payloadType}`);
  }
  try {
    return { envelope, statement: statementSchema.parse(strictJson(payloadOf(envelope))) };
  } catch (cause) {
    throw invalidProvenance('the envelope holds no in-toto statement of SLSA provenance 1', cause);
  }
}

/** What a document beside a release is worth as a statement. */
export interface StatementWorth<K> {
  readonly statement: Statement;
  /** Of the given keys, those that signed it. Nothing of a statement is believed while nobody did. */
  readonly signers: readonly K[];
  readonly isAboutRelease: boolean;
}

/**
 * Judges one document. A release may have several, and one that holds suffices: whoever puts another beside it must not
 * be able to spoil that one.
 * @throws SlipwayError `provenance-invalid` where it is no statement at all
 */
export function judgeStatement<K extends SignerKey>(
  bytes: Uint8Array,
  release: StatedRelease,
  keys: readonly K[],
): StatementWorth<K> {
  const { envelope, statement } = readStatement(bytes);
  return { statement, signers: signersOfEnvelope(envelope, keys), isAboutRelease: isAbout(statement, release) };
}

/**
 * A statement about another release, or about half of this one, vouches for nothing. The files alone are not enough: old
 * ones, which were stated once, would come back under a new version.
 */
export function isAbout({ subject, predicate }: Statement, release: StatedRelease): boolean {
  const { buildType, externalParameters } = predicate.buildDefinition;
  const isNamed = ({ name, sha256 }: { readonly name: string; readonly sha256: string }) =>
    subject.some((about) => about.name === name && about.digest.sha256 === sha256);
  return (
    buildType === slipwayBuildType &&
    isSameJson(externalParameters, parametersOf(release)) &&
    release.components.every(isNamed)
  );
}

function parametersOf(release: StatedRelease): Record<string, unknown> {
  const { product, platform, version, counter, floors, distribution, onRollback } = release;
  const { components, attachments = [], upstream = [] } = release;
  return {
    ...{ product, platform, version, counter, floors },
    ...(distribution === undefined ? {} : { distribution }),
    ...(onRollback === undefined ? {} : { onRollback }),
    components: components.map(({ name, kind, installPath, mode }) => ({ name, kind, installPath, mode })),
    documents: attachments.filter(({ kind }) => kind !== 'provenance').map(({ kind, sha256 }) => ({ kind, sha256 })),
    upstream,
  };
}
