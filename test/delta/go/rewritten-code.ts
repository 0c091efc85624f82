/** Code as a prediction rewrites it, in a program without Go functions whose addresses move as told. */
import type { Architecture } from '../../../delta/go/code-references.ts';
import { GoModule } from '../../../delta/go/go-module.ts';

/** @param moves addresses in ascending order, and how far what lies from each on moves */
export function rewrittenCode(
  architecture: Architecture,
  code: Uint8Array,
  address: number,
  moves: readonly (readonly [from: number, shift: number])[],
): Uint8Array {
  const chunks: Uint8Array[] = [];
  const module = new GoModule({
    readOld: (target, offset) => target.set(code.subarray(offset, offset + target.length)),
    writeNew: (bytes) => chunks.push(bytes.slice()),
  });
  const { exports } = module;
  exports.openOldFile(code.length);
  exports.openNewFile(code.length);
  const none = module.put(new Uint32Array(1));
  exports.setOldFunctions(none, 0, 0);
  exports.setNewFunctions(none, none, 0, 0, 0);
  const shifts = {
    starts: Uint32Array.from(moves, ([from]) => from),
    shifts: Int32Array.from(moves, ([, shift]) => shift),
  };
  exports.setMoves(none, module.putShifts(undefined), module.putShifts(shifts));
  exports.writeOtherCode(architecture, 0, code.length, address);
  exports.flush();
  return new Uint8Array(Buffer.concat(chunks));
}
