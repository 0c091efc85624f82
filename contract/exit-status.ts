/** Lists the exit statuses of commands, the same in the three programs; each error code has one of them. */
export const exitStatus = {
  ok: 0,
  internal: 1,
  usage: 2,
  invalidInput: 3,
  untrusted: 4,
  unavailable: 5,
  conflict: 6,
  localResource: 7,
  updateFailed: 8,
  busy: 9,
} as const;
