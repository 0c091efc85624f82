/** Describes a snapshot on the disk, and what was set aside: whose data it is, and what belongs to it. */
import * as z from 'zod';
import { digestSchema } from '../../../contract/digest.ts';
import { copiedSchema } from './copy-tree.ts';

/** A link as it was; `target` absent: there was none. */
export const linkSchema = z.object({ path: z.string(), target: z.string().optional() });
export type LinkRecord = z.infer<typeof linkSchema>;

export const asideRecordSchema = z.object({
  schemaVersion: z.literal(1),
  /** The release that wrote the data. */
  release: digestSchema,
  /** Of the distribution, as that release had them. */
  links: z.array(linkSchema),
});
export type AsideRecord = z.infer<typeof asideRecordSchema>;

export const snapshotRecordSchema = z.object({
  schemaVersion: z.literal(1),
  attempt: z.string(),
  /** The release that wrote the data, and the one that was about to. */
  from: digestSchema,
  to: digestSchema,
  takenAt: z.iso.datetime(),
  /** What was looked for, whether it was there or not. */
  items: z.array(z.string()),
  copied: z.array(copiedSchema),
  links: z.array(linkSchema),
  /** Settings outside of the data directory: what was looked for, and what of it was there, relative to the root. */
  outside: z.object({ paths: z.array(z.string()), copied: z.array(copiedSchema) }).optional(),
});
export type SnapshotRecord = z.infer<typeof snapshotRecordSchema>;
