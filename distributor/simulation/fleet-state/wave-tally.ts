/**
 * Counts the attempts of one campaign by wave and standing, and changes a count with each attempt and with time: a look
 * costs the same whatever the size of the fleet. Other waves than were asked about last are counted from the beginning.
 */
import { committedAt, phasesUnderWay } from '../../rollout/campaign.ts';
import type { CountQuestion } from '../../rollout/campaigns/ports.ts';
import { heldSilenceMs, markOf, noCounts, standingOf, type WaveCounts } from '../../rollout/standing.ts';
import { EventQueue, queuedKinds } from '../event-queue.ts';
import type { AttemptEntry, Counted } from './tables.ts';

type Slice = { -readonly [K in keyof WaveCounts]: WaveCounts[K] };

export class WaveTally {
  readonly #attempts: () => readonly AttemptEntry[];
  #question: CountQuestion | undefined;
  /** What was asked, but for the time. */
  #shape = '';
  #slices: Slice[] = [];
  /** When attempts are looked at again because time alone changes how they stand. */
  #due = new EventQueue();
  /** When successes of a slice have soaked. */
  #soaking: EventQueue[] = [];
  /** Grows when a count may have changed. */
  revision = 0;

  constructor(attempts: () => readonly AttemptEntry[]) {
    this.#attempts = attempts;
  }

  /** Without members. */
  counts(question: CountQuestion): WaveCounts[] {
    const shape = JSON.stringify([question.waves, question.judgedFrom, question.deviceTimeoutSeconds]);
    const isLater = this.#question !== undefined && question.now >= this.#question.now;
    if (shape !== this.#shape || !isLater) this.#begin(question, shape);
    this.#question = question;
    this.#pass(question.now);
    return this.#slices.map((slice, index) => ({ ...slice, nextSoakedAt: this.#nextSoakedAt(index) }));
  }

  /** Forgets what was counted: there are other attempts. */
  restart(): void {
    this.#question = undefined;
    this.revision++;
  }

  /** To be called after each change of an attempt. @param at never takes back what was counted by time since */
  touch(entry: AttemptEntry, at: number): void {
    if (!this.#question) {
      this.revision++;
      return;
    }
    const { attempt } = entry;
    const { waves, judgedFrom, deviceTimeoutSeconds } = this.#question;
    const now = Math.max(at, this.#question.now);
    const counted = entry.counted ?? this.#newlyCounted(entry);
    entry.counted = counted;
    const soakSeconds = waves[counted.slice]?.soakSeconds ?? 0;
    const standing = standingOf(attempt, now, deviceTimeoutSeconds);
    const mark = markOf(attempt, standing, { soakSeconds, judgedFrom, now });
    if (standing !== counted.standing || mark !== counted.mark) this.#recount(counted, standing, mark);
    this.#await(entry, counted);
  }

  /** When a count changes by time alone, if no attempt changes before; Infinity for never. */
  nextChangeAt(): number {
    for (;;) {
      const at = this.#due.nextAt;
      const entry = this.#attempts()[this.#due.nextDevice];
      if (at === Number.POSITIVE_INFINITY) return at;
      if (entry?.counted?.dueAt === at) {
        const due = this.#dueOf(entry, entry.counted);
        if (due <= at) return at;
        entry.counted.dueAt = Number.POSITIVE_INFINITY;
        this.#await(entry, entry.counted);
      }
      this.#due.pop();
    }
  }

  #begin(question: CountQuestion, shape: string): void {
    this.#question = question;
    this.#shape = shape;
    this.#slices = question.waves.map(() => ({ ...noCounts }));
    this.#due = new EventQueue();
    this.#soaking = question.waves.map(() => new EventQueue());
    for (const entry of this.#attempts()) {
      entry.counted = undefined;
      this.touch(entry, question.now);
    }
  }

  #pass(now: number): void {
    while (this.#due.nextAt <= now) {
      const at = this.#due.nextAt;
      const entry = this.#attempts()[this.#due.nextDevice];
      this.#due.pop();
      if (entry?.counted?.dueAt !== at) continue;
      entry.counted.dueAt = Number.POSITIVE_INFINITY;
      this.touch(entry, now);
    }
  }

  /** As openWaveOf does. */
  #newlyCounted({ attempt, device }: AttemptEntry): Counted {
    const { enrolledAt } = device.record;
    const covers = ({ upTo, openedAt }: CountQuestion['waves'][number]) =>
      attempt.place < upTo && (upTo >= 1 || enrolledAt <= openedAt);
    const slice = this.#question?.waves.findIndex(covers) ?? -1;
    const never = Number.POSITIVE_INFINITY;
    return { slice, standing: undefined, mark: undefined, dueAt: never, soakedAt: undefined };
  }

  #recount(counted: Counted, standing: Counted['standing'], mark: Counted['mark']): void {
    const slice = this.#slices[counted.slice];
    if (slice) {
      if (counted.standing) slice[counted.standing]--;
      if (counted.mark) slice[counted.mark]--;
      if (standing) slice[standing]++;
      if (mark) slice[mark]++;
    }
    counted.standing = standing;
    counted.mark = mark;
    this.revision++;
  }

  #await(entry: AttemptEntry, counted: Counted): void {
    const due = this.#dueOf(entry, counted);
    if (due < counted.dueAt) {
      counted.dueAt = due;
      this.#due.push(due, queuedKinds.timeout, entry.index);
    }
    if (counted.standing !== 'committed' || counted.mark || counted.soakedAt === due) return;
    counted.soakedAt = due;
    this.#soaking[counted.slice]?.push(due, queuedKinds.timeout, entry.index);
  }

  /** When the standing or its mark changes by time alone; see standingOf and markOf. */
  #dueOf({ attempt }: AttemptEntry, { slice, standing, mark }: Counted): number {
    const { waves, deviceTimeoutSeconds } = this.#question ?? { waves: [], deviceTimeoutSeconds: 0 };
    const timeoutMs = deviceTimeoutSeconds * 1000;
    const { phase, offeredAt = 0, lastSeenAt } = attempt;
    switch (standing) {
      case 'committed':
        if (mark) return Number.POSITIVE_INFINITY;
        return (committedAt(attempt) ?? 0) + (waves[slice]?.soakSeconds ?? 0) * 1000;
      case 'pending': {
        const isUnderWay = phase !== undefined && phasesUnderWay.includes(phase);
        return (isUnderWay ? Math.max(offeredAt, lastSeenAt) : offeredAt) + timeoutMs;
      }
      case 'waiting':
        return lastSeenAt + timeoutMs;
      case 'heldByDevice':
      case 'heldByPath':
        return lastSeenAt + heldSilenceMs(deviceTimeoutSeconds);
      default:
        return Number.POSITIVE_INFINITY;
    }
  }

  #nextSoakedAt(index: number): number | undefined {
    const queue = this.#soaking[index];
    while (queue && queue.nextAt < Number.POSITIVE_INFINITY) {
      const counted = this.#attempts()[queue.nextDevice]?.counted;
      const soaks = counted?.standing === 'committed' && counted.mark === undefined;
      if (soaks && counted.soakedAt === queue.nextAt) return queue.nextAt;
      queue.pop();
    }
    return undefined;
  }
}
