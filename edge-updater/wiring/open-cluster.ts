/** Chooses how the datastore of a cluster is saved in this process. */
import { etcdSaver } from '../adapters/datastore/etcd-saver.ts';
import { runBounded } from '../adapters/preflight/linux-preflight.ts';
import type { Adoption } from '../adoption/adoption.ts';
import { type ClusterDatastore, datastoreOfCluster } from '../adoption/cluster-datastore.ts';

/** Undefined where the datastore is the box's own. */
export function clusterOf(adoption: Adoption): ClusterDatastore | undefined {
  switch (datastoreOfCluster(adoption)) {
    case 'etcd':
      return etcdSaver(adoption, runBounded);
    case 'external':
      return { save: async () => undefined };
    default:
      return undefined;
  }
}
