/**
 * Defines what a release says about upstream: which of its components were compared with what their makers publish, by
 * which document, and who signed that.
 */
import * as z from 'zod';
import { digestSchema } from '../digest.ts';
import { limits } from '../limits.ts';
import { componentNameSchema } from './component-name.ts';

const signatureShape = {
  /** Digest of the attached cosign bundle. */
  bundle: digestSchema,
  /** What it signs: the component itself, or the list that names it. */
  signs: z.enum(['component', 'checksums']),
};

const signerText = z.string().min(1).max(1024);

const upstreamSignatureSchema = z.union([
  /** By a certificate for an identity, as its issuer vouched for it. */
  z.strictObject({ ...signatureShape, identity: signerText, issuer: signerText }),
  /** By a key: SHA-256 of its SubjectPublicKeyInfo. */
  z.strictObject({ ...signatureShape, key: digestSchema }),
]);
export type UpstreamSignature = z.infer<typeof upstreamSignatureSchema>;

/** One component that is, byte for byte, what upstream publishes. */
export const upstreamCheckSchema = z
  .strictObject({
    component: componentNameSchema,
    /** The list that names it. */
    checksums: z
      .strictObject({ document: digestSchema, name: z.string().min(1).max(limits.maxUpstreamNameBytes) })
      .optional(),
    signature: upstreamSignatureSchema.optional(),
  })
  .refine(
    ({ checksums, signature }) => checksums !== undefined || signature !== undefined,
    'expected checksums or signature',
  );
export type UpstreamCheck = z.infer<typeof upstreamCheckSchema>;
