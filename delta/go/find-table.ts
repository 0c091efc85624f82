/** Builds `runtime.findfunctab` apart from a prediction. */
import { GoModule } from './go-module.ts';

/**
 * Ends other tasks of the module.
 * @param entries starts of the functions and the end of the last, ascending; at least one number
 */
export function buildFindTable(entries: Uint32Array): Uint8Array {
  const chunks: Uint8Array[] = [];
  const module = new GoModule({ writeNew: (bytes) => chunks.push(bytes.slice()) });
  module.exports.openNewFile(Number.MAX_SAFE_INTEGER);
  module.exports.writeFindTable(module.put(entries), entries.length - 1);
  module.exports.flush();
  return Buffer.concat(chunks);
}
