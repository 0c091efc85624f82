/** Gives time and chance of this machine. */
import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Clock } from '../ports.ts';

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicSeconds: () => performance.now() / 1000,
  sleep: async (seconds, signal) => {
    await wait(seconds * 1000, undefined, { signal });
  },
  random: () => Math.random(),
  newId: () => randomBytes(9).toString('base64url'),
};
