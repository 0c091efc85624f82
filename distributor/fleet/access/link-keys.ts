/**
 * Keeps the keys of links: one for all replicas, in the fleet's state, and another one each day. An old key is known for a
 * day more, so that no link ends before its time.
 */
import type { LinkStore } from '../identity/identity-ports.ts';
import { type LinkKey, signedLinkQuery } from './signed-link.ts';
import type { RandomBytes } from './token.ts';

const daySeconds = 86_400;
/** Another replica may have made a key meanwhile. */
const freshMs = 60_000;
const pauseMs = 1000;

export class LinkKeys {
  readonly #store: LinkStore;
  readonly #randomBytes: RandomBytes;
  #keys: readonly LinkKey[] = [];
  #loadedAt = Number.NEGATIVE_INFINITY;
  #loading: Promise<readonly LinkKey[]> | undefined;

  constructor(store: LinkStore, randomBytes: RandomBytes) {
    this.#store = store;
    this.#randomBytes = randomBytes;
  }

  /** @returns the query of a link @throws SlipwayError `database-unavailable` */
  async sign(path: string, device: string, now: number): Promise<string> {
    const [newest] = Math.abs(now - this.#loadedAt) > freshMs ? await this.#load(now) : this.#keys;
    return signedLinkQuery(newest as LinkKey, path, device, now);
  }

  /** Those that may have signed a link that names this one. @throws SlipwayError `database-unavailable` */
  async known(id: string, now: number): Promise<readonly LinkKey[]> {
    if (this.#keys.some((key) => key.id === id)) return this.#keys;
    return Math.abs(now - this.#loadedAt) > pauseMs ? this.#load(now) : this.#keys;
  }

  #load(now: number): Promise<readonly LinkKey[]> {
    this.#loading ??= this.#ask(now).finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #ask(now: number): Promise<readonly LinkKey[]> {
    const text = (bytes: number, encoding: 'hex' | 'base64url') =>
      Buffer.from(this.#randomBytes(bytes)).toString(encoding);
    const fresh = { id: text(6, 'hex'), secret: text(32, 'base64url'), createdAt: now };
    this.#keys = await this.#store.linkKeys(fresh, daySeconds * 1000);
    this.#loadedAt = now;
    return this.#keys;
  }
}
