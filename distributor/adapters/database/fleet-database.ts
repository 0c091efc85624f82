/** Declares what the records of the fleet need of a database, for SQLite and PostgreSQL. */
import type { Kysely } from 'kysely';
import type { FleetTables } from './fleet-tables.ts';
import type { DatabaseStep } from './step.ts';

/** How steps that are committed together get on with each other. */
export interface OftenUse {
  /** Names; steps that share one come one after the other, whichever replica they run on. */
  readonly locks?: readonly string[];
  /** Names; steps that share one may go on together, and not on two replicas at once. */
  readonly replicas?: readonly string[];
  /** Steps of one device come one after the other on this replica. */
  readonly device?: string;
}

export interface FleetDatabase {
  /** For logs and messages, without credentials. */
  readonly location: string;
  /** Builds queries in the database's dialect; it is never asked to run one. */
  readonly builder: Kysely<FleetTables>;
  /**
   * Runs a step that changes nothing.
   * @throws SlipwayError `database-unavailable`, and what the step throws
   */
  read<T>(step: () => DatabaseStep<T>): Promise<T>;
  /** As `read`, for what comes in floods: a database may ask for many at once. */
  readOften<T>(step: () => DatabaseStep<T>): Promise<T>;
  /** As `read`, for what takes the longer the larger the fleet is: nothing else waits for it. */
  readAside<T>(step: () => DatabaseStep<T>): Promise<T>;
  /**
   * Runs a step, and what it changed is all there and durable, or nothing of it.
   * @param locks names; steps that share one come one after the other, whichever replica they run on
   * @throws SlipwayError `database-unavailable`, and what the step throws
   */
  write<T>(step: () => DatabaseStep<T>, locks?: readonly string[]): Promise<T>;
  /** As `write`, for what comes in floods: many are committed together, and each is durable when it resolves. */
  writeOften<T>(step: () => DatabaseStep<T>, use: OftenUse): Promise<T>;
  /**
   * Runs work on the one replica that holds the lead; undefined on the others, and where it was lost meanwhile: then
   * nothing that the work writes is kept.
   */
  asLeader<T>(work: () => Promise<T>): Promise<T | undefined>;
  /**
   * Whether what is written now would be there after a restart.
   * @throws SlipwayError `database-unavailable`, `disk-full`
   */
  checkPlace(): Promise<void>;
  /** Gives the room of removed rows back, a little at a time. */
  reclaim(): Promise<void>;
  /** Called when writes were lost that the process had seen already. */
  onLoss(listener: () => void): void;
  close(): Promise<void>;
}
