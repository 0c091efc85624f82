/**
 * Says which files of a box belong together: a rollback exchanges all of them or none. Paths are relative to the data
 * directory.
 *
 * K3s compares `server/cred` and `server/tls` with the datastore at each start, and ends where a file differs and is
 * newer (pkg/cluster/bootstrap.go, `isNewerFile`): they go back with it, with their times. Its links `data/current` and
 * `data/cni` name what was unpacked last; K3s does not move them back (cmd/k3s/main.go, `extract` returns early).
 *
 * `/etc/rancher/node/password` stays: no update writes it, and the datastore of before knows the same one.
 */
import type { Adoption } from './adoption.ts';
import { datastoreOfCluster } from './cluster-datastore.ts';

export interface DataSet {
  /** Files and folders that are copied and exchanged, in this order. */
  readonly items: readonly string[];
  /** Absolute paths outside of the data directory: its settings, copied and given back with the rest. */
  readonly outside: readonly string[];
  /** Links that are remembered and set again, and folders that consist of such links. */
  readonly links: readonly string[];
  readonly linkFolders: readonly string[];
  /** The database that is opened to see whether it is whole; undefined where there is none of ours. */
  readonly sqlite: string | undefined;
  /** Folder of an etcd with one member. */
  readonly etcd: string | undefined;
}

const nothing: DataSet = { items: [], outside: [], links: [], linkFolders: [], sqlite: undefined, etcd: undefined };

export function dataSetOf({ distribution, datastore, members, configuration: outside = [] }: Adoption): DataSet {
  const links = distribution === 'k3s' ? { links: ['data/current', 'data/previous'], linkFolders: ['data/cni'] } : {};
  const always = { ...nothing, outside, ...links };
  const isSqlite = datastore === 'sqlite';
  const isAlone = datastore === 'etcd' && datastoreOfCluster({ datastore, members }) === undefined;
  // An etcd with several members must never get one member's past back; a database elsewhere is not here at all.
  if (!isSqlite && !isAlone) return always;
  if (distribution === 'k0s') {
    const items = [isSqlite ? 'db' : 'etcd', 'pki'];
    return { ...always, items, sqlite: isSqlite ? 'db/state.db' : undefined, etcd: isSqlite ? undefined : 'etcd' };
  }
  return {
    ...always,
    items: [
      ...[isSqlite ? 'server/db' : 'server/db/etcd', 'server/cred', 'server/tls', 'server/token'],
      ...['server/agent-token', 'server/node-token'],
    ],
    sqlite: isSqlite ? 'server/db/state.db' : undefined,
    etcd: isSqlite ? undefined : 'server/db/etcd',
  };
}
