/**
 * Codes the bytes of one part by each method that runs in this process. A codec says in words why it cannot take a
 * part.
 */
import { constants, zstdCompressSync } from 'node:zlib';
import { limits } from '../../contract/limits.ts';
import { memorySource } from '../byte-source.ts';
import { buildGoPrediction } from '../go/build-prediction.ts';
import { encodePredicted } from './approximate/encode.ts';
import { analyseGoPair } from './go/analyse-pair.ts';

/** Side tables and an approximate patch of what they predict. @returns why not, where it is none for a Go program */
export function goPatch(old: Uint8Array, bytes: Uint8Array): readonly Uint8Array[] | string {
  const analysis = analyseGoPair(old, bytes);
  if ('notGo' in analysis) return analysis.notGo;
  const { sideTables } = analysis;
  if (sideTables.length > limits.maxGoTablesBytes) return `side tables of ${sideTables.length} bytes`;
  const room = bytes.length * 2;
  const chunks: Uint8Array[] = [];
  let length = 0;
  buildGoPrediction(memorySource(old), sideTables, {
    write(chunk) {
      length += chunk.length;
      if (length <= room) chunks.push(chunk.slice());
    },
  });
  if (length > room) return `a prediction of ${length} bytes for a part of ${bytes.length}`;
  return [sideTables, encodePredicted(Buffer.concat(chunks), bytes)];
}

/**
 * One zstd frame.
 * @param before what matches may reach into as if it came before: the window covers all of `bytes`, so it always can be
 */
export function compressed(bytes: Uint8Array, level: number, before?: Uint8Array): Uint8Array {
  const windowLog = before === undefined ? limits.maxZstdWindowLog : limits.maxZstdPatchWindowLog;
  return zstdCompressSync(bytes, {
    pledgedSrcSize: bytes.length,
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_windowLog]: windowLog,
    },
    dictionary: before,
  });
}
