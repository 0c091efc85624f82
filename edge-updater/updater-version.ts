/** Names the version of this edge-updater, and the earliest time at which it can be running. */

export { programVersion as updaterVersion } from '../system/command-line/program-version.ts';

/** Milliseconds since 1970. A clock before it is wrong: this program did not exist then. */
export const earliestTime = Date.parse('2026-11-01T00:00:00Z');
