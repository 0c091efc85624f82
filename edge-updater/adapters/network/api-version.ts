/**
 * Finds the version of the device API that a server understands. A server that refuses a request of version 2 as
 * malformed is asked again at once in version 1, and from then on as long as this process lives: a server may be
 * replaced meanwhile.
 */
import { SlipwayError } from '../../../contract/errors.ts';

export type ApiVersion = 1 | 2;

/** The server found the request malformed (400). */
export class NotUnderstood extends SlipwayError {
  constructor(refusal: SlipwayError) {
    super(refusal.code, refusal.message, {
      cause: refusal,
      hint: refusal.hint,
    });
  }
}

export class SpokenVersion {
  #version: ApiVersion = 2;

  /** @throws what `ask` throws; NotUnderstood where neither version is understood */
  async spoken<T>(ask: (version: ApiVersion) => Promise<T>): Promise<T> {
    const version = this.#version;
    try {
      return await ask(version);
    } catch (error) {
      if (!(error instanceof NotUnderstood) || version === 1) throw error;
    }
    const answer = await ask(1);
    this.#version = 1;
    return answer;
  }
}
