/** A decoder writes what it rebuilds into a byte sink, in order from the first byte to the last. */
export interface ByteSink {
  /** Takes the next bytes. `chunk` is the caller's buffer again once the call returns: copy or write it out at once. */
  write(chunk: Uint8Array): void;
}
