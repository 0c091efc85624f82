/**
 * Bounds how slowly bytes may come: a sender that lets one go now and then holds nobody for ever. Time in which nothing
 * is asked for does not count, and a window may span several requests.
 */
import { SlipwayError } from '../../contract/errors.ts';

export interface LeastRate {
  /** 0: any rate will do. */
  readonly bytesPerSecond: number;
  /** Bytes are counted over so much time, so that a link may break now and then. */
  readonly windowSeconds: number;
}

export class RateWatch {
  readonly #least: LeastRate;
  #bytes = 0;
  #seconds = 0;
  #since = 0;
  /** Windows in a row that were too slow. */
  slowWindows = 0;

  constructor(least: LeastRate) {
    this.#least = least;
  }

  /** A request begins. @param now seconds on a clock that only grows */
  begin(now: number): void {
    this.#since = now;
  }

  /** @throws SlipwayError `download-stalled` at the end of a window with too few bytes */
  note(bytes: number, now: number): void {
    const { bytesPerSecond, windowSeconds } = this.#least;
    this.#seconds += now - this.#since;
    this.#since = now;
    this.#bytes += bytes;
    if (this.#seconds < windowSeconds) return;
    const [came, took] = [this.#bytes, this.#seconds];
    this.#bytes = 0;
    this.#seconds = 0;
    if (came >= bytesPerSecond * took) {
      this.slowWindows = 0;
      return;
    }
    this.slowWindows++;
    throw new SlipwayError(
      'download-stalled',
      `${came} bytes in ${Math.round(took)} s, expected at least ${bytesPerSecond} a second`,
      { hint: 'Check the network; download.minBytesPerSecond in edge.yaml says what is too slow.' },
    );
  }
}
