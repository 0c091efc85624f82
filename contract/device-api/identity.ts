/**
 * Defines how a device comes to its short bearers: `POST /v1/devices/:id/key` registers its public key, shown with the
 * bearer that it has, and `POST /v1/devices/:id/session`, signed with the key, answers a bearer. Both bodies pass over what
 * they do not know. See signed-request.ts for the signature.
 */
import * as z from 'zod';
import { deviceIdSchema } from './device-id.ts';
import { tokenSchema } from './enrolment.ts';
import { publicKeySchema } from './signed-request.ts';

export const keyRequestSchema = z.object({ schemaVersion: z.literal(1), publicKey: publicKeySchema });

export const keyAnswerSchema = z.object({ deviceId: deviceIdSchema, keyId: z.string() });

export const sessionRequestSchema = z.object({ schemaVersion: z.literal(1) });

export const sessionAnswerSchema = z.object({
  deviceId: deviceIdSchema,
  /** The server keeps only its hash. */
  deviceToken: tokenSchema,
  expiresInSeconds: z.number().int().min(1),
});
export type SessionAnswer = z.infer<typeof sessionAnswerSchema>;
