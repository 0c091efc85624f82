/**
 * The K3s or K0s of a device, as its updater found it; what a device may say of it in a check. Words rather than closed
 * lists: a server passes on what a later updater calls by a name of its own.
 */
import * as z from 'zod';
import { versionSchema } from '../release/version.ts';

const word = z.string().regex(/^[a-z0-9][a-z0-9+-]{0,31}$/);
const systemPath = z.string().max(1024).regex(/^\//);

export const boxSchema = z.object({
  /** `k3s`, `k0s` */
  distribution: word,
  /** `server` and `agent` of K3s; `controller`, `controller+worker` and `worker` of K0s. */
  role: word,
  unit: z.string().max(256),
  program: systemPath,
  dataDir: systemPath,
  /** What runs, as the distribution numbers it; absent while nothing does, and where the updater cannot tell. */
  version: versionSchema.optional(),
  /** Hash under which the running K3s has unpacked its programs. */
  payload: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  nodeName: z.string().max(253).optional(),
  datastore: z.object({
    /** `sqlite`, `etcd`, `external`, `none` */
    kind: word,
    /** Of an etcd; absent where that is not known. */
    members: z.number().int().min(1).max(1000).optional(),
  }),
});
/** What a device tells of its box. */
export type ToldBox = z.infer<typeof boxSchema>;
