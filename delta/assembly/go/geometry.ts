/** Holds the bases that the tables of the runtime count from, old and new. */

/** Lowest address, and the one behind the highest, that counts as an address of the old image. */
export let lowestAddress: i64 = 0;
export let addressEnd: i64 = 0;
/** Where type and name offsets count from (`runtime.types`). */
export let oldTypes: i64 = 0;
export let newTypes: i64 = 0;
/** Where the offsets of pointer masks count from (`runtime.rodata`). */
export let oldRodata: i64 = 0;
export let newRodata: i64 = 0;
/** Bytes of a `_func` row before its arrays. */
export let rowBytes: u32 = 0;

export function setGeometry(
  bytesOfRow: u32,
  lowest: u32,
  end: u32,
  typesBefore: u32,
  typesAfter: u32,
  rodataBefore: u32,
  rodataAfter: u32,
): void {
  rowBytes = bytesOfRow;
  lowestAddress = lowest;
  addressEnd = end;
  oldTypes = typesBefore;
  newTypes = typesAfter;
  oldRodata = rodataBefore;
  newRodata = rodataAfter;
}
