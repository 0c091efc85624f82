/** Gives time and chance of this machine. */
import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Clock } from '../ports.ts';

export const systemClock: Clock = {
  now: () => Date.now(),
  /** Of the machine, not of the process: two processes have one count. */
  monotonicSeconds: () => Number(process.hrtime.bigint()) / 1e9,
  sleep: async (seconds, signal) => {
    await wait(seconds * 1000, undefined, { signal });
  },
  random: () => Math.random(),
  newId: () => randomBytes(9).toString('base64url'),
};
