/** Defines `POST /v1/enrol`: an enrolment token, used once or N times, gives a device a bearer token of its own. */
import * as z from 'zod';
import { productSchema } from '../release/manifest.ts';
import { platformSchema } from '../release/platform.ts';
import { deviceIdSchema } from './check.ts';
import { labelsSchema } from './labels.ts';
import { publicKeySchema } from './signed-request.ts';

/** `slp_<purpose>_<43 characters base64url>`: 256 random bits, recognisable by secret scanners. */
export const tokenSchema = z.string().regex(/^slp_(enrol|device|operator|ci)_[A-Za-z0-9_-]{43}$/);
export type Token = z.infer<typeof tokenSchema>;
export type TokenPurpose = 'enrol' | 'device' | 'operator' | 'ci';

const enrolShape = {
  deviceId: deviceIdSchema,
  product: productSchema,
  platform: platformSchema,
  labels: labelsSchema,
};

/** Version 1 is strict. Version 2 passes over what it does not know. */
export const enrolRequestSchema = z.discriminatedUnion('schemaVersion', [
  z.strictObject({ schemaVersion: z.literal(1), ...enrolShape }),
  z.object({
    schemaVersion: z.literal(2),
    ...enrolShape,
    /** Of a key that never leaves the device; its bearers are short from the beginning. */
    publicKey: publicKeySchema,
  }),
]);
export type EnrolRequest = z.infer<typeof enrolRequestSchema>;

export const enrolAnswerSchema = z.strictObject({
  deviceId: deviceIdSchema,
  /** Shown once; the server keeps only its hash. */
  deviceToken: tokenSchema,
  /** Of the token, where the key of the device was taken; absent: without end. */
  expiresInSeconds: z.number().int().min(1).optional(),
});

/** Body of every answer that is not a success. */
export const errorAnswerSchema = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string().optional(),
  requestId: z.string().optional(),
});
