/** Lists where code refers to addresses, which a prediction rewrites, for those who compare two programs. */
import { GoModule, referenceBytes } from './go-module.ts';

/** Instruction sets, by the numbers that side tables have for them. */
export const architectures = { amd64: 0, arm64: 1 } as const;
export type Architecture = (typeof architectures)[keyof typeof architectures];

/**
 * Called for every reference in a piece of code.
 * @param at offset of the field, or of the instruction that holds it
 * @param form amd64: the instruction's length, plus 0x100 for an 8-bit field; arm64: 5 and more when the address is
 *   completed by the next instruction
 * @param instruction offset of the instruction that the reference counts from
 * @param target absolute address, any number
 */
type ReferenceVisitor = (at: number, form: number, instruction: number, target: number) => void;

/**
 * Finds the references in `code`, whose first byte lies at `address`, whatever the bytes are. Ends other tasks of the
 * module, and the visitor must not begin one.
 * @param inside false leaves out references whose target lies in the code
 */
export function visitReferences(
  architecture: Architecture,
  code: Uint8Array,
  address: number,
  visit: ReferenceVisitor,
  inside = true,
): void {
  const module = new GoModule({
    takeReferences(records) {
      const view = new DataView(records.buffer, records.byteOffset, records.length);
      for (let at = 0; at < records.length; at += referenceBytes) {
        const form = view.getUint32(at + 4, true);
        visit(view.getUint32(at, true), form, view.getUint32(at + 8, true), view.getFloat64(at + 16, true));
      }
    },
  });
  module.exports.listReferences(architecture, module.put(code), code.length, address, inside ? 1 : 0);
}
