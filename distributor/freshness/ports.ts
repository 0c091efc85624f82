/** Declares who signs snapshot and timestamp again where the server was given the online key. */

/** What became of one look at them. */
interface OnlineSigning {
  readonly kind: 'signed' | 'not-due' | 'lost-race';
  readonly timestampVersion: number;
  /** RFC 3339. */
  readonly timestampExpires: string;
}

export interface OnlineSigner {
  /**
   * Signs them where half of their time is over.
   * @throws SlipwayError `key-…`, `signer-failed`, `threshold-not-met`, `metadata-…`, `version-exhausted`, `store-…`
   */
  signIfDue(now: Date): Promise<OnlineSigning>;
}

/** What the signer is given; the keys themselves are read where it signs. */
export interface OnlineSignerPlace {
  readonly store: string;
  /** Files, or `env:NAME`. */
  readonly keys: readonly string[];
  readonly passphraseFile?: string | undefined;
  /** File of the root that devices pin. */
  readonly root: string;
}
