/** Asks the module where an address of the old image is predicted in the new one. The module holds the map. */
import { SlipwayError } from '../../contract/errors.ts';
import { maxEdits } from './function-edits.ts';
import type { FunctionTable } from './function-table.ts';
import { GoModule } from './go-module.ts';
import type { ShiftRuns } from './shift-table.ts';
import { type SideTables, shiftKinds } from './side-tables.ts';

export class AddressMap {
  readonly #module: GoModule;

  /**
   * @param module the task that the map is for; without one it is a task of its own, which the next one ends
   * @throws SlipwayError `delta-malformed` when a function gets a length below 0 or all code more than `maxCodeBytes`
   */
  constructor(tables: SideTables, old: FunctionTable, maxCodeBytes: number, module = new GoModule({})) {
    this.#module = module;
    const { exports } = module;
    const { geometry, layout } = tables;
    exports.setOldFunctions(module.put(old.entries), old.count, geometry.oldText);
    const matches = module.put(layout.matches);
    const sizeChanges = module.put(layout.sizeChanges);
    exports.setNewFunctions(matches, sizeChanges, layout.matches.length, geometry.newText, maxCodeBytes);
    const edits = editTable(tables, old);
    const edited = module.put(edits.edited);
    exports.setMoves(edited, module.putShifts(edits.runs), module.putShifts(tables.shifts[shiftKinds.address]));
  }

  /** Whether two words side by side are the entries of a method in the text. */
  areEntries(first: number, second: number): boolean {
    return this.#module.exports.areEntries(first, second) !== 0;
  }

  /** Any number comes back unchanged when it is no address. */
  map(address: number): number {
    return this.#module.exports.mapNumber(address);
  }
}

/** Edits of all functions as one table over the old text, and a byte for each function, 1 when it has one. */
function editTable(tables: SideTables, old: FunctionTable): { runs: ShiftRuns; edited: Uint8Array } {
  const { functions, offsets, shifts } = tables.edits;
  const edited = new Uint8Array(old.count);
  const order = new Float64Array(functions.length);
  for (let i = 0; i < functions.length; i++) {
    const index = tables.layout.matches[functions[i] as number] as number;
    const at = (old.entries[index] as number) + (offsets[i] as number);
    if (at >= (old.entries[index + 1] as number)) {
      throw new SlipwayError('delta-malformed', `an edit behind function ${index}`);
    }
    edited[index] = 1;
    order[i] = at * maxEdits + i;
  }
  order.sort();
  const runs = {
    starts: Uint32Array.from(order, (key) => Math.floor(key / maxEdits)),
    shifts: Int32Array.from(order, (key) => shifts[key % maxEdits] as number),
  };
  return { runs, edited };
}
