/**
 * Gathers everything wrong that a verification found and raises it at its end, so that one run shows the whole damage.
 */
import { type ErrorCode, SlipwayError } from '../../contract/errors.ts';
import type { RepairedObject } from './repair.ts';

/** What was looked at, when nothing was wrong. */
export interface Verified {
  readonly what: 'build' | 'bundle' | 'store';
  /** Signed documents; each had its threshold of signatures. */
  readonly signatures: number;
  readonly releases: number;
  readonly blobs: number;
  /** False: only the store's or bundle's own first root vouches for it. */
  readonly rootPinned?: boolean;
  /** What was damaged and is not any more; absent where nothing was to be repaired. */
  readonly repaired?: readonly RepairedObject[];
  /** Roles whose time is ending, one line each. */
  readonly warnings?: readonly string[];
  /** Earliest expiry of what was signed, RFC 3339. */
  readonly expires?: string;
}

/** Causes that make the rest of a verification pointless. */
const endsAll: ReadonlySet<ErrorCode> = new Set(['store-unreachable', 'store-forbidden', 'bucket-missing', 'internal']);

export class FindingList {
  readonly #found: SlipwayError[] = [];

  /** Waits for one check and keeps what it found. */
  async collect(check: Promise<unknown>): Promise<void> {
    try {
      await check;
    } catch (error) {
      if (!(error instanceof SlipwayError) || endsAll.has(error.code)) throw error;
      this.#found.push(error);
    }
  }

  /** @throws SlipwayError with the code of the first finding and the messages of all */
  raise(): void {
    const [first, ...others] = this.#found;
    if (!first) return;
    if (others.length === 0) throw first;
    const lines = this.#found.map((finding) => `${finding.code}: ${finding.message}`);
    throw new SlipwayError(first.code, `${this.#found.length} findings\n${lines.join('\n')}`, {
      hint: first.hint,
      cause: first,
    });
  }
}
