/** Describes a box: the K3s or K0s that a unit of this machine runs, as far as facts tell. Nothing of it is guessed. */
import type { ErrorCode } from '../../contract/errors.ts';
import type { DistributionName } from '../../contract/release/distribution.ts';
import type { Version } from '../../contract/release/version.ts';

/** In the distribution's own words: K3s has servers and agents, K0s controllers and workers. */
export const boxRoles = ['server', 'agent', 'controller', 'controller+worker', 'worker'] as const;
export type BoxRole = (typeof boxRoles)[number];

/** `external`: in a database of somebody else · `none`: this box keeps no state of the cluster. */
export const datastores = ['sqlite', 'etcd', 'external', 'none'] as const;
export type DatastoreKind = (typeof datastores)[number];

export interface Datastore {
  readonly kind: DatastoreKind;
  /** Of an etcd, where its own database tells. */
  readonly members?: number | undefined;
}

export interface Box {
  readonly distribution: DistributionName;
  readonly role: BoxRole;
  readonly unit: string;
  /** The file that the unit starts. */
  readonly program: string;
  readonly dataDir: string;
  /** What runs now; undefined while nothing does, and where the process may not be looked at. */
  readonly version?: Version | undefined;
  /** Of the running K3s: the hash that its unpacked programs lie under. */
  readonly payload?: string | undefined;
  /** As the kubelet's certificate has it; undefined before the first one, and without a kubelet. */
  readonly nodeName?: string | undefined;
  readonly datastore: Datastore;
  /** Files and folders with its settings, whether they are there or not. */
  readonly configuration?: readonly string[] | undefined;
}

/** What the operator says in edge.yaml where facts leave a choice. */
export interface StatedBox {
  readonly distribution?: DistributionName | undefined;
  readonly role?: BoxRole | undefined;
  readonly unit?: string | undefined;
  readonly dataDir?: string | undefined;
  readonly nodeName?: string | undefined;
  readonly datastore?: DatastoreKind | undefined;
}

/** What a look at this machine came to; see find-box.ts. */
export type BoxReading =
  | { readonly kind: 'box'; readonly box: Box }
  /** No unit here runs K3s or K0s. */
  | { readonly kind: 'none' }
  /** Facts contradict one another or edge.yaml, or cannot be read. */
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string };
