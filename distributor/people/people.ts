/** Knows people by the bearers that issuers gave them; nothing of a person is kept. */
import type { Caller } from '../fleet/access/caller.ts';
import type { Issuer } from './issuers.ts';
import { callerOfPerson, type PersonClaims } from './person.ts';

interface VerifiedBearer {
  readonly issuer: Issuer;
  readonly claims: PersonClaims;
}

export interface BearerVerifier {
  /**
   * Whether one of the issuers signed it for this server, and it has not ended.
   * @param now milliseconds since 1970
   * @throws SlipwayError `unauthenticated`, `issuer-unreachable`
   */
  verify(bearer: string, now: number): Promise<VerifiedBearer>;
  close(): Promise<void>;
}

export class People {
  readonly #verifier: BearerVerifier;
  readonly issuers: readonly Issuer[];

  constructor(issuers: readonly Issuer[], verifier: BearerVerifier) {
    this.issuers = issuers;
    this.#verifier = verifier;
  }

  /** @throws SlipwayError `unauthenticated`, `issuer-unreachable` */
  async callerOf(bearer: string, now: number): Promise<Caller> {
    const { issuer, claims } = await this.#verifier.verify(bearer, now);
    return callerOfPerson(issuer, claims);
  }

  close(): Promise<void> {
    return this.#verifier.close();
  }
}
