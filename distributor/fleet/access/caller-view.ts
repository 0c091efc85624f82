/** Describes who asks, as `whoami` answers it: a token, or a person with what the claims of the bearer give. */
import * as z from 'zod';
import { type Caller, scopesOf } from './caller.ts';
import { scopeSchema } from './scopes.ts';
import { reachViewOf, tokenPurposeSchema, tokenViewOf, tokenViewSchema } from './token-view.ts';

export const callerViewSchema = tokenViewSchema.omit({ createdAt: true }).extend({
  /** Of a token: who it is for; `person`: an issuer vouches for who asks. */
  purpose: z.enum([...tokenPurposeSchema.options, 'person']),
  /** As the audit log names who asks. */
  actor: z.string().optional(),
  /** Absent of a person. */
  createdAt: z.string().optional(),
  /** Of a person: scopes, and where they hold; every one counts. */
  grants: z
    .array(
      tokenViewSchema.pick({ products: true, groups: true, rollouts: true, readOnly: true }).extend({
        scopes: z.array(scopeSchema),
      }),
    )
    .optional(),
});
export type CallerView = z.infer<typeof callerViewSchema>;

export function callerViewOf({ actor, id, token, grants, expiresAt }: Caller, now: number): CallerView {
  if (token) return { ...tokenViewOf(token, now), actor };
  return {
    ...{ id, actor, purpose: 'person', status: 'valid', scopes: scopesOf(grants) },
    ...(expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }),
    grants: grants.map(({ scopes, reach }) => ({ scopes: [...scopes], ...reachViewOf(reach) })),
  };
}
