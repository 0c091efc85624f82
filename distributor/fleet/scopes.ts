/** What a token may do. Device and enrolment tokens have no scopes: their purpose says it all. */
import { z } from 'zod';

export const scopes = {
  'artifacts:read': 'Read metadata, manifests and blobs where reading needs a token.',
  'devices:read': 'List devices and see one.',
  'rollouts:read': 'List rollouts and see one.',
  'rollouts:control': 'Pause, resume and abort rollouts.',
} as const;

export type Scope = keyof typeof scopes;
export const scopeNames = Object.keys(scopes) as [Scope, ...Scope[]];
export const scopeSchema = z.enum(scopeNames);
