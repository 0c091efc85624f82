/** An audit log in memory that can be away for a while. */
import { SlipwayError } from '../../contract/errors.ts';
import type { AuditEvent, EventStore, RecordedEvent } from '../../distributor/events/ports.ts';

export class KeptEvents implements EventStore {
  readonly kept: RecordedEvent[] = [];
  isAway = false;
  /** Events given out so far, repetitions included. */
  read = 0;

  async appendEvent(event: AuditEvent): Promise<void> {
    this.#answer();
    this.kept.push({ ...event, id: this.kept.length + 1 });
  }

  async listEvents(after: number, limit: number): Promise<RecordedEvent[]> {
    this.#answer();
    const page = this.kept.filter(({ id }) => id > after).slice(0, limit);
    this.read += page.length;
    return page;
  }

  async lastEventId(): Promise<number> {
    this.#answer();
    return this.kept.length;
  }

  /** Records so many events of a rollout. */
  async add(count: number, rollout = 'r'): Promise<void> {
    for (let i = 0; i < count; i++) {
      await this.appendEvent({ at: i, actor: 'rollouts', kind: 'wave-opened', rollout, reason: `Event ${i}.` });
    }
  }

  #answer(): void {
    if (this.isAway) throw new SlipwayError('database-unavailable', 'the database is away');
  }
}
