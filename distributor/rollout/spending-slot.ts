/** Divides time into the slots by which what a campaign costs is counted, in every state of the fleet. */
const slotMs = 600_000;

export const slotOf = (at: number): number => Math.floor(at / slotMs);
