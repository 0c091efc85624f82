/**
 * Records that a box was adopted: what the updater may stop, copy and exchange there, and what the program was before,
 * so that it can be given back. It lies in the state directory, and facts of a box that is down are taken from it.
 */
import * as z from 'zod';
import { digestSchema } from '../../contract/digest.ts';
import { distributionNames } from '../../contract/release/distribution.ts';
import { boxRoles, datastores } from '../box/box.ts';

/** The file that was replaced by a link into the current slot. */
const originalSchema = z.object({
  mode: z.number().int().min(0).max(0o7777),
  uid: z.number().int().min(0),
  gid: z.number().int().min(0),
  /** Milliseconds since 1970. */
  mtimeMs: z.number(),
  length: z.number().int().min(0),
  sha256: digestSchema,
  /** Where it was a link itself: what that said. */
  linkTarget: z.string().optional(),
});
export type OriginalProgram = z.infer<typeof originalSchema>;

export const adoptionSchema = z.object({
  schemaVersion: z.literal(1),
  adoptedAt: z.iso.datetime(),
  distribution: z.enum(distributionNames),
  role: z.enum(boxRoles),
  unit: z.string().min(1),
  /** The path that the unit starts; a link into the current slot since then. */
  program: z.string().startsWith('/'),
  dataDir: z.string().startsWith('/'),
  datastore: z.enum(datastores),
  /** Of an etcd, when the box was adopted. */
  members: z.number().int().min(0).optional(),
  /** Of the program within a slot, such as `bin/k3s`. */
  installPath: z.string().min(1),
  original: originalSchema,
  /** The socket of the actor; absent where the updater itself touches the box, as before there was one. */
  actor: z.string().startsWith('/').optional(),
  /** Files and folders with the settings of the distribution; absent where it was adopted before they were kept. */
  configuration: z.array(z.string().startsWith('/')).optional(),
});
export type Adoption = z.infer<typeof adoptionSchema>;
