/** Holds the buffers where callers put a chunk of the old file and find one of the new. */

/** Bytes of a chunk, the longest stretch that is coded at once; references do not cross its ends. */
export const chunkBytes: i32 = 64 * 1024;
/** The chunk in the old file, in the new one as far as known, and what the encoder knows of it. */
export const oldChunk: usize = memory.data(chunkBytes, 64);
export const newChunk: usize = memory.data(chunkBytes, 64);
export const actualChunk: usize = memory.data(chunkBytes, 64);
