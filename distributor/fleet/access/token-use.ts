/**
 * Notes when tokens of people and CI were last used. A request only notes it; the notes are written for all of them
 * together now and then, so that using a token costs no write.
 */
import type { TokenRecord, TokenStore } from '../ports.ts';

export class TokenUse {
  #noted = new Map<string, number>();

  /** Devices are sighted, and an enrolment is written with the use that it spends. */
  note({ id, purpose }: Pick<TokenRecord, 'id' | 'purpose'>, at: number): void {
    if (purpose === 'operator' || purpose === 'ci') this.#noted.set(id, at);
  }

  /** What could not be written is kept for the next time. @throws SlipwayError `database-unavailable` */
  async save(store: Pick<TokenStore, 'recordTokenUse'>): Promise<void> {
    const uses = this.#noted;
    if (uses.size === 0) return;
    this.#noted = new Map();
    try {
      await store.recordTokenUse(uses);
    } catch (error) {
      this.#noted = new Map([...uses, ...this.#noted]);
      throw error;
    }
  }
}
