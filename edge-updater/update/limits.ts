/** Limits how often the machine tries before it gives up: persisted counters break every loop. */
export const updateLimits = {
  /** Restarts that find a download without a new durable byte. */
  downloading: 10,
  rebuilding: 5,
  staged: 5,
  /** Falls back to an earlier phase: a slot that changed on the disk, a switch that was interrupted. */
  setbacks: 5,
  /** A new release that takes the device down with it must not do so for ever. */
  probation: 2,
  /** Requests in a row without a new byte, for a running release that is damaged. */
  repairRequests: 3,
  maxOutbox: 64,
  maxRejected: 64,
  maxHeld: 16,
  maxKnown: 64,
  maxUsedPermits: 64,
} as const;
