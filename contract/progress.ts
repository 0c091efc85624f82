/** Defines how long work tells how far it is: in bytes, because everything long here is bytes. */
export interface Progress {
  /** Announces more bytes to come; several announcements add up. */
  expect(bytes: number): void;
  advance(bytes: number): void;
}

/** For work that nobody watches. */
export const silentProgress: Progress = { expect: () => undefined, advance: () => undefined };
