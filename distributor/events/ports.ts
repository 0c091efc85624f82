/** Declares the audit log: every human and automatic decision, once, in order, for good. */
import type { DeviceId } from '../../contract/device-api/check.ts';

/** What happened; plain JSON data. */
export interface AuditEvent {
  /** Milliseconds since 1970, by the server's clock. */
  readonly at: number;
  /**
   * Who: `rollouts` for decisions of the distributor itself, `<name> via <issuer>` for a person, `token <name> (<id>)`,
   * `token <id>`, `command line`, `git <author>`.
   */
  readonly actor: string;
  /** What kind of thing: `wave-opened`, `paused`, `plan-applied`, … */
  readonly kind: string;
  readonly rollout?: string;
  readonly version?: string;
  readonly deviceId?: DeviceId;
  /** One sentence. */
  readonly reason: string;
  readonly facts?: Readonly<Record<string, string | number>>;
}

export interface RecordedEvent extends AuditEvent {
  /** Grows; an event that is seen later never has a lower one. */
  readonly id: number;
}

/** The table refuses changes, and removals of anything younger than the mark that `prune` sets and records. */
export interface EventStore {
  appendEvent(event: AuditEvent): Promise<void>;
  /**
   * In order.
   * @param after id of the last one seen, 0 for the first ones
   */
  listEvents(after: number, limit: number): Promise<RecordedEvent[]>;
  /** The id of the last event, 0 when there is none. */
  lastEventId(): Promise<number>;
}
