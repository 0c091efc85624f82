/** Names what an update needs of the data of an adopted box. */
import type { Digest } from '../../contract/digest.ts';

/** Two releases that one update leads from and to. */
export interface Passage {
  readonly attempt: string;
  readonly from: Digest;
  readonly to: Digest;
}

export interface TakenSnapshot {
  readonly attempt: string;
  /** RFC 3339 */
  readonly takenAt: string;
}

/** What the last rollback has set aside. */
export interface DataSetAside {
  /** The release that wrote it. */
  readonly release: Digest;
}

/** Of the files that belong together, and of the file system that they lie on. */
export interface DataMeasure extends SetMeasure {
  readonly freeBytes: number;
  /** Of what is set aside: the next copy takes its place. */
  readonly aside: SetMeasure;
}

interface SetMeasure {
  readonly bytes: number;
  readonly databaseBytes: number;
  /** Of its write-ahead log. */
  readonly logBytes: number;
}

/**
 * What an adopted K3s or K0s keeps besides its program: held still, copied and exchanged as one. The unit is down
 * whenever data is copied or exchanged; that is the caller's promise.
 */
export interface BoxData {
  /** The datastore is not this box's to put back: it stays as it is, whatever a release says. */
  readonly isOfCluster: boolean;
  /**
   * The release that the data is whole for, as this process sees by itself, whoever touches the data; undefined where an exchange
   * is open, and where that cannot be seen.
   */
  readonly wholeFor: Digest | undefined;
  /** Whether the unit is kept from starting, by whomever. */
  readonly isHeld: boolean;
  /** Durable when it returns. @param why for people */
  hold(why: string): void;
  letGo(): void;
  /** The release that wrote the data, or is about to; undefined where nothing says so. */
  owner(): Promise<Digest | undefined>;
  /** Durable when it ends. */
  claim(release: Digest): Promise<void>;
  /** Beside the running service. @throws SlipwayError `datastore-damaged`, `datastore-not-restorable`, codes of the disk */
  measure(): Promise<DataMeasure>;
  /**
   * Copies everything and proves the copy. Takes the place of an earlier one of the attempt, and of what was set aside.
   * @throws SlipwayError `datastore-damaged`, codes of the disk
   */
  snapshot(passage: Passage, takenAt: string): Promise<void>;
  /** The newest one that leads back from `to`. */
  snapshotOf(passage: Omit<Passage, 'attempt'>): Promise<TakenSnapshot | undefined>;
  /** Puts it in place and sets aside what is there. @throws SlipwayError `datastore-not-restorable` */
  putBack(snapshot: TakenSnapshot): Promise<void>;
  /** What lies aside; undefined where nothing does, or nothing says whose it is. */
  setAside(): Promise<DataSetAside | undefined>;
  /**
   * Puts what lies aside in place again, and keeps what was in place as the copy that leads back: `putBack` takes it. The
   * data of `passage.to` has to lie aside, or to be in place by an earlier call.
   * @throws SlipwayError `datastore-not-restorable`, `datastore-damaged`, codes of the disk; nothing has changed then
   */
  bringBack(passage: Passage, takenAt: string): Promise<void>;
  /** Sets the links of the distribution as they were, and leaves the data. */
  putLinksBack(snapshot: TakenSnapshot): Promise<void>;
  /** Ends what a stop of any kind interrupted. @throws SlipwayError `datastore-not-restorable` */
  finishExchange(): Promise<void>;
  /** Deletes all snapshots but those. */
  prune(keep: readonly Omit<Passage, 'attempt'>[]): Promise<void>;
}
