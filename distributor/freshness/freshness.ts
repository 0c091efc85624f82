/**
 * Keeps the signed metadata young where the server has the online key, and warns of what only people can sign, weeks
 * before it ends. One replica does both for all.
 */
import { describeError, type SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import { endingText } from '../../system/signing/ending-roles.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { metadataEnding, metadataNotSigned, metadataSigned } from '../events/audit.ts';
import type { AuditEvent } from '../events/ports.ts';
import type { OnlineSigner } from './ports.ts';

interface FreshnessInput {
  readonly catalog: Pick<Catalog, 'endingRoles'>;
  /** Undefined where the server has no online key. */
  readonly signer: OnlineSigner | undefined;
  readonly fleet: {
    asLeader<T>(work: () => Promise<T>): Promise<T | undefined>;
    appendEvent(event: AuditEvent): Promise<void>;
  };
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly log: {
    info(facts: object, message: string): void;
    warn(facts: object, message: string): void;
    error(facts: object, message: string): void;
  };
}

export class Freshness {
  readonly #input: FreshnessInput;
  /** Endings and problems that were told; each is told once. */
  readonly #told = new Set<string>();
  #problem: SlipwayError | undefined;

  constructor(input: FreshnessInput) {
    this.#input = input;
  }

  /** Why the last try to sign failed; undefined where it did not, or nothing was to be done. */
  get problem(): SlipwayError | undefined {
    return this.#problem;
  }

  /** Never throws: what fails is told, and tried again at the next look. @returns true where something was signed */
  async look(): Promise<boolean> {
    const { fleet, log } = this.#input;
    try {
      return (await fleet.asLeader(() => this.#lookAsLeader())) ?? false;
    } catch (error) {
      log.error(describeError(toSlipwayError(error)), 'metadata not looked at');
      return false;
    }
  }

  async #lookAsLeader(): Promise<boolean> {
    // What was signed is in the catalog only at the next look.
    if (await this.#sign()) return true;
    await this.#warn();
    return false;
  }

  async #sign(): Promise<boolean> {
    const { signer, clock, fleet, log } = this.#input;
    if (!signer) return false;
    try {
      const { kind, timestampVersion: version, timestampExpires } = await signer.signIfDue(new Date(clock()));
      this.#problem = undefined;
      if (kind !== 'signed') return false;
      log.info({ version, expires: timestampExpires }, 'snapshot and timestamp signed again');
      await fleet.appendEvent(metadataSigned(version, timestampExpires, clock()));
      return true;
    } catch (error) {
      this.#problem = toSlipwayError(error);
      log.error(describeError(this.#problem), 'metadata not signed again');
      const { code, message } = this.#problem;
      if (this.#isNew(`${code} ${message}`)) await fleet.appendEvent(metadataNotSigned(code, message, clock()));
      return false;
    }
  }

  async #warn(): Promise<void> {
    const { catalog, clock, fleet, log } = this.#input;
    for (const ending of catalog.endingRoles(new Date(clock()))) {
      const { role, expires, hasEnded } = ending;
      if (!this.#isNew(`${role} ${expires} ${hasEnded}`)) continue;
      log.warn({ role, expires }, endingText(ending));
      await fleet.appendEvent(metadataEnding(ending, clock()));
    }
  }

  #isNew(what: string): boolean {
    if (this.#told.has(what)) return false;
    this.#told.add(what);
    return true;
  }
}
