/** Lists what the WebAssembly of Go predictions offers; `delta/go/` says how it is used. */
export {
  areEntries,
  mapNumber,
  newCount,
  newEntries,
  setMoves,
  setNewFunctions,
  setOldFunctions,
} from './address-map';
export { list } from './code-range';
export { writeFindTable } from './find-table';
export { writeFunctionData } from './function-data';
export { collectFunctionData, placeCount, places, setRows, writeRows } from './function-rows';
export { setGeometry } from './geometry';
export { copyOld, flush, openNewFile } from './new-file';
export { openOldFile } from './old-file';
export { listReferences, writeFunctions, writeOtherCode } from './predicted-code';
export { writeWords } from './predicted-words';
export { createShifts, shifted, shiftSince } from './shift-table';
export { createIndex, lastNotAbove } from './sorted-index';

/** Frees all that is on the heap. */
export function freeAll(): void {
  heap.reset();
}

export function allocate(bytes: u32): usize {
  return heap.alloc(bytes);
}
