/** Looks up how far a value of one kind moved, in a run-length table. A run holds from its start to the next run's. */
import { createIndex, lastNotAbove, SortedIndex } from './sorted-index';

/** Lives on the heap. */
@unmanaged
export class ShiftTable {
  starts: usize;
  shifts: usize;
  count: u32;
  index: SortedIndex;
  /** The run found last, or -1: neighbours are asked for one after the other. */
  last: i32;
}

/**
 * @param starts strictly ascending 32-bit numbers; kept, not copied
 * @param shifts new value minus old value from each of them on, modulo 2^32; kept, not copied
 */
export function createShifts(starts: usize, shifts: usize, count: u32): ShiftTable {
  const table = changetype<ShiftTable>(heap.alloc(offsetof<ShiftTable>()));
  table.starts = starts;
  table.shifts = shifts;
  table.count = count;
  table.index = createIndex(starts, count);
  table.last = -1;
  return table;
}

/** How far the run that begins at or behind `from` shifts `value`; 0 when there is none up to it. */
export function shiftSince(table: ShiftTable, from: u32, value: u32): i32 {
  const run = lastNotAbove(table.index, value);
  return run < 0 || startOf(table, run) < from ? 0 : load<i32>(table.shifts + ((<usize>run) << 2));
}

/** The new value. */
export function shifted(table: ShiftTable, value: u32): u32 {
  let run = table.last;
  const next = run + 1;
  if (run < 0 || value < startOf(table, run) || (<u32>next < table.count && value >= startOf(table, next))) {
    run = lastNotAbove(table.index, value);
    table.last = run;
  }
  return run < 0 ? value : value + load<u32>(table.shifts + ((<usize>run) << 2));
}

function startOf(table: ShiftTable, run: i32): u32 {
  return load<u32>(table.starts + ((<usize>run) << 2));
}
