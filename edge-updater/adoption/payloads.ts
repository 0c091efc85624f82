/**
 * Names what an update needs of the payloads of K3s: the folders `<data>/data/<payload>` that its program unpacks itself to. K3s
 * flushes none of it, and moves its own links only when it unpacks (cmd/k3s/main.go, `extract`).
 */
import type { Digest } from '../../contract/digest.ts';

export interface Payloads {
  /** Bytes that unpacking takes. @param programBytes length of the program */
  roomFor(payload: string, programBytes: number): Promise<number>;
  /**
   * Unpacks beside what is there, durable when it returns, and leaves K3s' links as they are. One that was unpacked here is left.
   * @throws SlipwayError `program-broken` where the program is to blame, else a code of the machine
   */
  unpack(release: Digest, payload: string, signal: AbortSignal): Promise<void>;
  /** Sets K3s' links as its own unpacking would have; does nothing for what was not unpacked here. */
  link(payload: string): Promise<void>;
  /** Flushes what K3s itself has unpacked last. */
  settle(): Promise<void>;
  /** Deletes what was unpacked here but for these, as long as nothing uses it. */
  prune(keep: readonly string[]): Promise<void>;
}
