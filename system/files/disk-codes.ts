/** Lists the codes of a disk that does not read or write as it must: nothing that was written is to blame. */
const diskCodes = ['disk-full', 'disk-read-only', 'permission-denied', 'io-error'] as const;
export type DiskCode = (typeof diskCodes)[number];

export function isDiskCode(code: string): code is DiskCode {
  return diskCodes.some((known) => known === code);
}
