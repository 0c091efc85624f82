/**
 * Remembers what the user's checks said last. It asks in the background, never more often than it helps, and forgets
 * old answers.
 */
import type { GateCheck } from '../../declaration/gate.ts';
import type { GateProbe, GateResult } from './gates.ts';

/** A check is asked again after so long. */
const askIntervalMs = 15_000;
/** An answer says nothing about a time so much later. */
const validMs = 60_000;

interface Answers {
  results: readonly GateResult[];
  askedAt: number;
  isAsking: boolean;
}

export class GateAnswers {
  readonly #probe: GateProbe;
  readonly #byWave = new Map<string, Answers>();

  constructor(probe: GateProbe) {
    this.#probe = probe;
  }

  /** Answers that still count. @param wave names one wave of one campaign */
  of(wave: string, now: number): readonly GateResult[] {
    return (this.#byWave.get(wave)?.results ?? []).filter(({ askedAt }) => now - askedAt < validMs);
  }

  /** Asks all checks of a wave at once, unless that is under way or was done lately; resolves when they answered. */
  async ask(wave: string, checks: readonly GateCheck[], now: number): Promise<void> {
    const known = this.#byWave.get(wave);
    if (known && (known.isAsking || now - known.askedAt < askIntervalMs)) return;
    const answers: Answers = { results: known?.results ?? [], askedAt: now, isAsking: true };
    this.#byWave.set(wave, answers);
    try {
      answers.results = await Promise.all(checks.map((check) => this.#probe.ask(check, now)));
    } finally {
      answers.isAsking = false;
    }
  }

  /** Forgets waves that are not asked about any more. */
  keep(waves: ReadonlySet<string>): void {
    for (const wave of this.#byWave.keys()) if (!waves.has(wave)) this.#byWave.delete(wave);
  }
}
