/** Lists what a token may do. Device and enrolment tokens have no scopes: their purpose says it all. */
import * as z from 'zod';

export const scopes = {
  'artifacts:read': 'Read metadata, manifests and blobs where reading needs a token.',
  'devices:read': 'List devices, see one and why it does or does not update.',
  'devices:control': 'Label, accept, reject, revoke and forget devices.',
  'events:read': 'Read and follow the audit log.',
  'rollouts:read': 'List rollouts and see one.',
  'rollouts:apply': 'Apply a plan where rollouts come by API.',
  'rollouts:control': 'Pause, resume, promote, retry and abort rollouts.',
  'tokens:control': 'Make, list and revoke tokens, with no other scopes than its own.',
} as const;

export type Scope = keyof typeof scopes;
export const scopeNames = Object.keys(scopes) as [Scope, ...Scope[]];
export const scopeSchema = z.enum(scopeNames);
