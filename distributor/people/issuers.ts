/**
 * Parses the file of `serve --people`: which OpenID Connect issuers vouch for people, and what the claims of a person
 * give: scopes, and where they hold.
 */
import * as z from 'zod';
import { keepsSecrets } from '../../system/network/transport.ts';
import { reachShape } from '../fleet/access/reach.ts';
import { scopeSchema } from '../fleet/access/scopes.ts';

/** As the issuer writes it in its tokens, to the letter. */
const issuerUrlSchema = z
  .string()
  .max(1000)
  .refine(
    (text) => URL.canParse(text) && keepsSecrets(new URL(text)),
    'expected an https URL; http is for loopback alone',
  )
  .refine((text) => !/[?#]/.test(text), 'expected a URL without query and fragment');

const claimNameSchema = z.string().min(1).max(200);
const claimValueSchema = z.string().min(1).max(500);

const personGrantSchema = z.strictObject({
  /** Each claim has this value, or one of these; a claim that is a list has it among others. */
  when: z
    .record(claimNameSchema, z.union([claimValueSchema, z.array(claimValueSchema).min(1).max(64)]))
    .refine((when) => Object.keys(when).length > 0, 'expected a claim: a grant is for somebody'),
  scopes: z.array(scopeSchema).min(1),
  ...reachShape,
});
export type PersonGrant = z.output<typeof personGrantSchema>;

const loginSchema = z.strictObject({
  /** Of slipway-distributor at the issuer: a public client with the device authorization grant. */
  clientId: z.string().min(1).max(400),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/))
    .max(32)
    .default(['openid', 'email']),
  /** Which of the two tokens of the answer is shown here. */
  token: z.enum(['id_token', 'access_token']).default('id_token'),
  /** Asked for by `resource` (RFC 8707), where the issuer has access tokens for several servers. */
  resource: z.url().optional(),
});

const issuerSchema = z.strictObject({
  issuer: issuerUrlSchema,
  /** What `aud` has: tokens for others are refused. */
  audience: z.string().min(1).max(400),
  /** The claim that names a person in the audit log; where it is missing, `sub`. */
  name: claimNameSchema.default('email'),
  login: loginSchema.optional(),
  grants: z.array(personGrantSchema).min(1).max(256),
});
export type Issuer = z.output<typeof issuerSchema>;

export const peopleSchema = z
  .strictObject({ issuers: z.array(issuerSchema).min(1).max(16) })
  .refine(
    ({ issuers }) => new Set(issuers.map(({ issuer }) => issuer)).size === issuers.length,
    'an issuer is there twice',
  );
