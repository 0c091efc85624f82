/** Keeps the tokens of a fleet in memory. */
import type { Digest } from '../../../contract/digest.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import type { TokenPage, TokenRecord } from '../../fleet/ports.ts';

export class Tokens {
  readonly #byId = new Map<string, TokenRecord>();
  readonly #idByHash = new Map<Digest, string>();

  /** @throws SlipwayError `database-unavailable` where one has the id or the hash */
  save(token: TokenRecord): void {
    if (this.#byId.has(token.id) || this.#idByHash.has(token.hash)) {
      throw new SlipwayError('database-unavailable', `a token ${token.id} is there already`);
    }
    this.#byId.set(token.id, token);
    this.#idByHash.set(token.hash, token.id);
  }

  find(hash: Digest): TokenRecord | undefined {
    return this.#byId.get(this.#idByHash.get(hash) ?? '');
  }

  ofId(id: string): TokenRecord | undefined {
    return this.#byId.get(id);
  }

  /** @param seenAt when a device was heard last */
  list({ after, purpose, limit }: TokenPage, seenAt: (deviceId: string) => number | undefined): TokenRecord[] {
    const isLater = (token: TokenRecord) => after === undefined || byAge(token, after) > 0;
    return [...this.#byId.values()]
      .filter((token) => (purpose === undefined || token.purpose === purpose) && isLater(token))
      .sort(byAge)
      .slice(0, limit)
      .map((token) => ({ ...token, lastUsedAt: token.lastUsedAt ?? seenAt(token.deviceId ?? '') }));
  }

  recordUse(uses: ReadonlyMap<string, number>): void {
    for (const [id, at] of uses) {
      if ((this.#byId.get(id)?.lastUsedAt ?? 0) < at) this.#change(id, { lastUsedAt: at });
    }
  }

  /** @returns whether it had a use left */
  spend(id: string, at: number): boolean {
    const token = this.#byId.get(id);
    if (!token || token.usesLeft === 0) return false;
    this.#change(id, { usesLeft: token.usesLeft === undefined ? undefined : token.usesLeft - 1, lastUsedAt: at });
    return true;
  }

  revoke(id: string, at: number): boolean {
    const token = this.#byId.get(id);
    if (token) this.#change(id, { revokedAt: token.revokedAt ?? at });
    return token !== undefined;
  }

  of(deviceId: string): TokenRecord[] {
    return [...this.#byId.values()].filter((token) => token.deviceId === deviceId);
  }

  remove({ id, hash }: TokenRecord): void {
    this.#byId.delete(id);
    this.#idByHash.delete(hash);
  }

  #change(id: string, changes: Partial<TokenRecord>): void {
    const token = this.#byId.get(id);
    if (token) this.#byId.set(id, { ...token, ...changes });
  }
}

type Aged = Pick<TokenRecord, 'id' | 'createdAt'>;

function byAge(a: Aged, b: Aged): number {
  return a.createdAt - b.createdAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
