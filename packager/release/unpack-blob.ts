/** Unpacks the bytes of a component out of the bytes of a blob, with the window that devices allow. */
import { constants, createZstdDecompress } from 'node:zlib';
import { limits } from '../../contract/limits.ts';

export function zstdDecoder() {
  return createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: limits.maxZstdWindowLog } });
}
