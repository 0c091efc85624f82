/** Which edge-updater this is, and the earliest time at which it can be running. */

/** The version in package.json; a test keeps the two equal. */
export const updaterVersion = '0.1.0';

/** Milliseconds since 1970. A clock before it is wrong: this program did not exist then. */
export const earliestTime = Date.parse('2026-11-01T00:00:00Z');
