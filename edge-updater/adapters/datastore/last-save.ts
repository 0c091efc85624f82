/**
 * Remembers the save of a cluster's datastore that was made last, in `<data directory>/slipway/saved.json`: for which
 * attempt, when, and how many bytes. An attempt that asks again soon is answered with it.
 */
import { uptime } from 'node:os';
import * as z from 'zod';
import { toSlipwayError } from '../../../contract/errors.ts';
import { isDiskCode } from '../../../system/files/disk-codes.ts';
import type { SavedDatastore } from '../../adoption/cluster-datastore.ts';
import { bootId } from '../service/process-table.ts';
import type { OwnFolder } from './own-folder.ts';

/** By a clock that nobody sets, and that counts on while the machine sleeps. */
export interface MomentOfBoot {
  /** Empty where the kernel does not say. */
  readonly boot: string;
  readonly seconds: number;
}

const recordName = 'saved.json';
const recordSchema = z.object({
  schemaVersion: z.literal(1),
  attempt: z.string(),
  file: z.string(),
  bytes: z.number().int().min(1),
  begun: z.object({ boot: z.string(), seconds: z.number() }),
});

export function thisMoment(): MomentOfBoot {
  return { boot: bootId(), seconds: uptime() };
}

/** Of this attempt, begun in this boot, `maxAgeSeconds` ago at most. Whether its file is whole is not asked. */
export function findLastSave(
  own: OwnFolder,
  attempt: string,
  { boot, seconds }: MomentOfBoot,
  maxAgeSeconds: number,
): SavedDatastore | undefined {
  const record = own.read(recordName, recordSchema);
  if (record?.attempt !== attempt || boot === '' || record.begun.boot !== boot) return undefined;
  const age = seconds - record.begun.seconds;
  return age >= 0 && age <= maxAgeSeconds ? { file: record.file, bytes: record.bytes } : undefined;
}

/** @param begun before the datastore was asked: what is saved may be as old as that */
export function rememberSave(own: OwnFolder, attempt: string, begun: MomentOfBoot, saved: SavedDatastore): void {
  try {
    own.write(recordName, { schemaVersion: 1, attempt, ...saved, begun });
  } catch (thrown) {
    // What is not remembered is saved once more, and that is all.
    if (!isDiskCode(toSlipwayError(thrown).code)) throw thrown;
  }
}
