/**
 * Defines attachments: documents that a release names beside its components by digest, length and media type. They are
 * stored like blobs, and no device downloads one unless its owner asks for that.
 */
import * as z from 'zod';
import { digestSchema } from '../digest.ts';
import { limits } from '../limits.ts';

/**
 * `checksums`: upstream's list of digests · `cosign-bundle`: upstream's signature · `sbom`: what is inside ·
 * `provenance`: who built the release of what, an in-toto statement in a DSSE envelope.
 */
const attachmentKinds = ['checksums', 'cosign-bundle', 'sbom', 'provenance'] as const;
const attachmentKindSchema = z.enum(attachmentKinds);

export const attachmentSchema = z.strictObject({
  kind: attachmentKindSchema,
  /** The file name that it had; never a path. */
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._+@-]{0,254}$/, 'expected a file name of ASCII letters, digits and . _ + @ -'),
  mediaType: z
    .string()
    .max(200)
    .regex(/^[a-z]+\/[A-Za-z0-9.+-]+(; ?[a-z]+=[A-Za-z0-9._-]+)*$/, 'expected a media type'),
  length: z.number().int().min(1).max(limits.maxAttachmentBytes),
  sha256: digestSchema,
});
export type Attachment = z.infer<typeof attachmentSchema>;

/** Media types as their specifications name them (Sigstore bundle 0.3, CycloneDX, SPDX 2.3, in-toto attestation 1.0). */
export const attachmentMediaTypes = {
  checksums: 'text/plain',
  provenance: 'application/vnd.in-toto.provenance+dsse',
  cyclonedx: (version: string) => `application/vnd.cyclonedx+json; version=${version}`,
  spdx: 'application/spdx+json',
} as const;
