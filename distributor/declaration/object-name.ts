/** Parses names and head of declared objects, as Kubernetes has them. */
import * as z from 'zod';

export const apiVersion = 'slipway/v1';

/** RFC 1123 subdomain, at most 253 characters. */
export const objectNameSchema = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'expected lower-case letters, digits, inner dots and hyphens');

/** Labels and annotations are for people and for Kustomize; nothing here reads them. */
export const metadataSchema = z.strictObject({
  name: objectNameSchema,
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});
