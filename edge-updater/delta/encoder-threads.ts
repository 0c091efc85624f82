/**
 * Decides with how many threads this device writes a frame again: as many as policy, cores and free memory allow, at least one.
 * The bytes do not depend on it, time and memory do.
 */

/** Threads that edge.yaml allows unless it says otherwise. */
export const defaultEncoderThreads = 2;
/** For everything else on the machine. */
const reserveBytes = 64 * 1024 * 1024;

export interface EncoderMeans {
  /** What edge.yaml allows. */
  readonly allowed: number;
  readonly cores: number;
  /** For this process, by the machine and by the limits of its unit; undefined where nothing says so. */
  readonly freeBytes: number | undefined;
  /** Of the process with one thread, as edge.yaml allows it. */
  readonly maxMemoryBytes: number;
  /** That each further thread takes; undefined where more would do nothing. */
  readonly furtherBytes: number | undefined;
}

export function encoderThreads({ allowed, cores, freeBytes, maxMemoryBytes, furtherBytes }: EncoderMeans): number {
  if (furtherBytes === undefined || freeBytes === undefined) return 1;
  const spare = freeBytes - maxMemoryBytes - reserveBytes;
  return Math.max(1, Math.min(allowed, cores, 1 + Math.floor(spare / furtherBytes)));
}
