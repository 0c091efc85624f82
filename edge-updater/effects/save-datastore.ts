/** Has the datastore of a cluster saved before the box goes down, and says where it lies. */
import { type ErrorCode, toSlipwayError } from '../../contract/errors.ts';
import type { Attempt } from '../update/state.ts';
import { isRepair, isUndo } from '../update/step.ts';
import type { World } from './world.ts';

/** What may fail here without a word against the update, where the operator says so. */
const savingCodes: readonly ErrorCode[] = ['datastore-not-saved', 'disk-full', 'memory-short'];

/**
 * @returns what the report has to say of it
 * @throws SlipwayError `datastore-not-saved`, codes of the machine, unless edge.yaml lets it pass
 */
export async function saveDatastore(
  attempt: Attempt,
  { cluster, policy, narrator }: World,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (!cluster || isRepair(attempt) || isUndo(attempt)) return [];
  try {
    const saved = await cluster.save(attempt.id, signal);
    if (!saved) return ['the datastore is in a database elsewhere: nothing of it was saved'];
    return [`the datastore of the cluster was saved: ${saved.file}, ${saved.bytes} bytes`];
  } catch (thrown) {
    signal.throwIfAborted();
    const { code, message } = toSlipwayError(thrown);
    const isLetPass = policy.ignoredObjections?.includes('datastore-not-saved') && savingCodes.includes(code);
    if (!isLetPass) throw thrown;
    narrator.warn(code, message);
    return [`the datastore of the cluster was not saved (${code}: ${message})`];
  }
}
