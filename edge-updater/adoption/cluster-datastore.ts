/**
 * Names what an update may do with a datastore that is the cluster's: an etcd of several members, or a database elsewhere. No box
 * puts its past back. It is saved before a switch, by what runs, so that an operator can restore the cluster.
 */
import type { Adoption } from './adoption.ts';

export interface SavedDatastore {
  /** Path on this box. */
  readonly file: string;
  readonly bytes: number;
}

export interface ClusterDatastore {
  /**
   * Asks the running K3s or K0s to save it, and keeps the newest few that were saved so. What this attempt saved a
   * short while ago is used again.
   * @returns undefined where it is in a database elsewhere, which is not this box's to save
   * @throws SlipwayError `datastore-not-saved`, codes of the machine
   */
  save(attempt: string, signal: AbortSignal): Promise<SavedDatastore | undefined>;
}

/** Undefined where the datastore is the box's own, or it has none. */
export function datastoreOfCluster({
  datastore,
  members,
}: Pick<Adoption, 'datastore' | 'members'>): 'etcd' | 'external' | undefined {
  if (datastore === 'external') return 'external';
  const isAlone = members !== undefined && members <= 1;
  return datastore === 'etcd' && !isAlone ? 'etcd' : undefined;
}
