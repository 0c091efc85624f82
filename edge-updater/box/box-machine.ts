/** Names the questions that finding the box asks its machine. */
import type { BoxReading } from './box.ts';
import type { K0sStatus } from './k0s-status.ts';
import type { Unit } from './unit.ts';

export interface BoxMachine {
  /** One entry for each name, in any order; none where no systemd runs. */
  units(names: readonly string[]): Promise<readonly Unit[]>;
  /** The file behind every link. */
  resolved(file: string): string;
  /** The file that a process runs; undefined where it is gone, or not to be looked at. */
  executableOf(pid: number): string | undefined;
  /** What the program of a process prints for `--version`; undefined where it does not. */
  versionTextOf(pid: number): Promise<string | undefined>;
  /** Undefined where there is none. @throws SlipwayError `permission-denied`, `io-error` */
  text(file: string): string | undefined;
  /** Names in a folder; none where there is no folder. @throws as `text` */
  names(folder: string): readonly string[];
  /** Members that the database in an etcd's folder names; undefined where that cannot be told. */
  etcdMembers(folder: string): number | undefined;
  /** Undefined where nobody answers in time. */
  k0sStatus(socket: string): Promise<K0sStatus | undefined>;
  /** The node of a kubelet's client certificate; undefined where there is none that can be read. */
  certifiedNode(file: string): string | undefined;
}

/** Looks at the box again. Never throws: what cannot be told is part of the answer. */
export interface BoxReader {
  read(): Promise<BoxReading>;
}
