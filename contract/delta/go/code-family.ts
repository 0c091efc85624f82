/**
 * What is known of an instruction set: where instructions refer to an address, and how such a field is written again
 * for another place and another target. The module walks the code.
 */
import { GoModule, referenceBytes } from './go-module.ts';

/**
 * Called for every reference in a piece of code.
 * @param at offset of the field or instruction to rewrite
 * @param form the family's own note for `write`
 * @param instruction offset of the instruction that the reference counts from
 * @param target absolute address, any number
 */
export type ReferenceVisitor = (at: number, form: number, instruction: number, target: number) => void;

export interface CodeFamily {
  /**
   * Finds references in `code` from `start` to `end`, all of it unless said, whose first byte lies at `address`. What
   * the visitor gets counts from that byte; it must not begin another task of the module. Ends other tasks.
   * @param inside false leaves out references whose target lies in the range
   */
  visit(
    code: Uint8Array,
    address: number,
    visit: ReferenceVisitor,
    start?: number,
    end?: number,
    inside?: boolean,
  ): void;
  /** Rewrites one visited reference; leaves it alone when the new distance does not fit. Ends other tasks. */
  write(code: Uint8Array, at: number, form: number, newInstruction: number, newTarget: number): void;
}

/** By the number that side tables have for the architecture. */
export const amd64Code = familyOf(0);
export const arm64Code = familyOf(1);

/** The longest that `write` changes: two instructions. */
const fieldBytes = 8;

function familyOf(architecture: number): CodeFamily {
  return {
    visit(code, address, visitor, start = 0, end = code.length, inside = true) {
      if (start >= end) return;
      const module = new GoModule({ takeReferences: (records) => tell(records, start, visitor) });
      const at = module.put(code.subarray(start, end));
      module.exports.listReferences(architecture, at, end - start, address + start, inside ? 1 : 0);
    },
    write(code, at, form, newInstruction, newTarget) {
      const field = code.subarray(at, at + fieldBytes);
      const module = new GoModule({});
      const there = module.put(field);
      module.exports.writeReference(architecture, there, form, newInstruction, newTarget);
      field.set(module.bytesAt(there, field.length));
    },
  };
}

function tell(records: Uint8Array, start: number, visitor: ReferenceVisitor): void {
  const view = new DataView(records.buffer, records.byteOffset, records.length);
  for (let at = 0; at < records.length; at += referenceBytes) {
    const field = view.getUint32(at, true);
    const instruction = view.getUint32(at + 8, true);
    visitor(start + field, view.getUint32(at + 4, true), start + instruction, view.getFloat64(at + 16, true));
  }
}
