/** Lists what the WebAssembly of approximate patches offers; `delta/approximate/` says how it is used. */
export { allocateNumbers, codeNumber } from './adaptive-bits';
export { codeAlikeChunk, startAlike } from './alike-model';
export { actualChunk, newChunk, oldChunk } from './buffers';
export { movePages, settlePages, startReferences } from './moved-references';
export { codeOwnChunk, followChunk, startOwn } from './own-model';
export {
  bytesLeft,
  codePlainBits,
  finishEncoding,
  startDecoding,
  startEncoding,
  streamBuffer,
} from './range-coder';

/** Frees what earlier streams had on the heap. */
export function freeAll(): void {
  heap.reset();
}
