/**
 * Bounds how many downloads are sent at once. Each holds a connection, a file or a connection to the store, and memory
 * for as long as its reader likes, so there is a bound; what comes beyond is refused at once, and everything else is
 * answered.
 */
import type { Gauge } from 'prom-client';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';

/** Of the connections, so that check-ins find some however many devices download. */
const shareOfConnections = 0.5;

/** @param connections that the server takes */
export function downloadsFor(connections: number): number {
  return Math.max(1, Math.min(limits.maxDownloads, Math.floor(connections * shareOfConnections)));
}

export class Downloads {
  readonly max: number;
  readonly #gauge: Pick<Gauge, 'set'>;
  #underWay = 0;

  constructor(max: number, { downloads }: { readonly downloads: Pick<Gauge, 'set'> }) {
    this.max = max;
    this.#gauge = downloads;
  }

  /** The next one is refused. */
  get isFull(): boolean {
    return this.#underWay >= this.max;
  }

  /**
   * Call `leave` once for each.
   * @throws SlipwayError `overloaded`
   */
  enter(): void {
    if (this.isFull) {
      throw new SlipwayError(
        'overloaded',
        `${this.max} downloads are under way, as many as this server sends at once`,
        {
          hint: 'Ask again a little later, or add a replica.',
        },
      );
    }
    this.#gauge.set(++this.#underWay);
  }

  leave(): void {
    this.#gauge.set(--this.#underWay);
  }
}
