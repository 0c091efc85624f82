/**
 * Keeps what the daemon last did and does next, for `status`. It is not durable: after a power cut nobody wants the old
 * answer.
 */
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { readIfThere } from '../../../system/files/durable-file-sync.ts';

const daemonStatusSchema = z.strictObject({
  schemaVersion: z.literal(1),
  nextPollAt: z.iso.datetime().optional(),
  lastCheck: z
    .strictObject({
      at: z.iso.datetime(),
      /** Reason of the server's decision, or the code of what went wrong. */
      reason: z.string(),
      message: z.string().optional(),
    })
    .optional(),
  /** When the update that waits may switch, by this machine's clock; of use only while the daemon runs. */
  window: z.strictObject({ opensAt: z.iso.datetime(), closesAt: z.iso.datetime() }).optional(),
});
type DaemonStatus = z.infer<typeof daemonStatusSchema>;

const fileName = 'daemon-status.json';

export function writeStatus(stateDirectory: string, status: Omit<DaemonStatus, 'schemaVersion'>): void {
  const file = path.join(stateDirectory, fileName);
  try {
    writeFileSync(`${file}.tmp`, JSON.stringify({ schemaVersion: 1, ...status }), { mode: 0o600 });
    renameSync(`${file}.tmp`, file);
  } catch {
    // A full or read-only disk must not stop the daemon from going on.
  }
}

export function readStatus(stateDirectory: string): DaemonStatus | undefined {
  try {
    const bytes = readIfThere(path.join(stateDirectory, fileName));
    return bytes && daemonStatusSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch {
    return undefined;
  }
}
