/**
 * Defines the statement of provenance of a release (in-toto Statement 1, predicate SLSA provenance 1) and holds it
 * against the release. The statement says who built what from what; a signature makes it somebody's word.
 */
import * as z from 'zod';
import { SlipwayError } from '../errors.ts';
import { limits } from '../limits.ts';
import { decodeEnvelope, type Envelope, payloadOf } from '../trust/dsse.ts';

export const statementPayloadType = 'application/vnd.in-toto+json';
const statementType = 'https://in-toto.io/Statement/v1';
const predicateType = 'https://slsa.dev/provenance/v1';
/** What slipway-packager does: it packs declared files, as release.yaml says. */
export const slipwayBuildType = 'https://slipway.io/build/v1';

const digests = z.record(z.string(), z.string());

/** A file that went into the build (SLSA, ResourceDescriptor). */
const resourceSchema = z.object({
  name: z.string().max(4096).optional(),
  uri: z.string().max(4096).optional(),
  digest: digests.optional(),
  annotations: z.record(z.string(), z.unknown()).optional(),
});

/** Statements of other builders say more; what is not named here is passed over. */
export const statementSchema = z.object({
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
export type Statement = z.infer<typeof statementSchema>;

interface Built {
  readonly components: readonly { readonly name: string; readonly sha256: string }[];
}

/** What a build says of itself. */
export interface BuildRun extends Built {
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly dependencies: readonly z.infer<typeof resourceSchema>[];
  /** A URI that names who builds. */
  readonly builderId: string;
  readonly builderVersion: string;
  readonly invocationId?: string | undefined;
}

/** No times are in it: the same build by the same builder gives the same bytes. */
export function statementOf(run: BuildRun): Statement {
  const { components, parameters, dependencies, builderId, builderVersion, invocationId } = run;
  return {
    _type: statementType,
    subject: components.map(({ name, sha256 }) => ({ name, digest: { sha256 } })),
    predicateType,
    predicate: {
      buildDefinition: {
        buildType: slipwayBuildType,
        externalParameters: { ...parameters },
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
    throw invalid(`expected a payload of ${statementPayloadType}, found ${envelope.payloadType}`);
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(payloadOf(envelope));
    return { envelope, statement: statementSchema.parse(JSON.parse(text)) };
  } catch (cause) {
    throw invalid('the envelope holds no in-toto statement of SLSA provenance 1', cause);
  }
}

/** A statement about another release, or about half of this one, vouches for nothing. */
export function isAbout({ subject }: Statement, { components }: Built): boolean {
  return components.every(({ name, sha256 }) =>
    subject.some((about) => about.name === name && about.digest.sha256 === sha256),
  );
}

function invalid(message: string, cause?: unknown): SlipwayError {
  return new SlipwayError('provenance-invalid', message, { cause, hint: 'Build the release again, with a statement.' });
}
