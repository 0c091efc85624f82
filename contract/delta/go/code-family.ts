/**
 * What the prediction must know about an instruction set: where instructions refer to an address, and how such a
 * field is written again for another place and another target.
 */

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
   * the visitor gets counts from that byte. Reads nothing outside the range, whatever the bytes are.
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
  /** Rewrites one visited reference; leaves it alone when the new distance does not fit. */
  write(code: Uint8Array, at: number, form: number, newInstruction: number, newTarget: number): void;
}
