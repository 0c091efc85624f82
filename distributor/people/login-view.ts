/** Describes where a person signs in, as `GET /v1/login` answers it to `slipway-distributor login`. Nothing in it is secret. */
import * as z from 'zod';
import type { Issuer } from './issuers.ts';

const loginPlaceSchema = z.object({
  issuer: z.string(),
  clientId: z.string(),
  scopes: z.array(z.string()),
  /** Which token of the issuer's answer is shown to this server. */
  token: z.enum(['id_token', 'access_token']),
  resource: z.string().optional(),
});
export type LoginPlace = z.infer<typeof loginPlaceSchema>;

/** Empty where nobody can sign in. */
export const loginViewSchema = z.object({ issuers: z.array(loginPlaceSchema) });

export function loginViewOf(issuers: readonly Issuer[]): z.infer<typeof loginViewSchema> {
  return {
    issuers: issuers.flatMap(({ issuer, login }) => (login ? [{ issuer, ...login, scopes: [...login.scopes] }] : [])),
  };
}
