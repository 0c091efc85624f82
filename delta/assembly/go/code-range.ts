/** A walk over code is given a code range: where the code lies, where it is going, and what happens to a reference. */
import { map } from './address-map';
import { takeReferences } from './ports';

/** What to add to a place in memory for its old address, and for its new one where insides do not move. */
export let oldBias: i64 = 0;
let newBias: i64 = 0;
/** Whether insides move: then instructions are placed by the address map. */
let movesInside: bool = true;
/** References to this range are left out. */
export let insideFrom: i64 = 0;
export let insideTo: i64 = 0;

/** References are listed instead of rewritten. */
export let lists: bool = false;
const listedAtOnce: u32 = 1024;
const recordBytes: usize = 24;
/**
 * Records of field, form, instruction (32 bits each, places from `origin` on), 4 bytes unused, target (64-bit float).
 */
export const list: usize = memory.data(24 * 1024, 16);
let listed: u32 = 0;
let origin: usize = 0;

/** The code at `code` lies at `address`; all references in it are rewritten, and its insides move. */
export function setMovingRange(code: usize, address: i64): void {
  lists = false;
  oldBias = address - <i64>code;
  movesInside = true;
  insideFrom = insideTo = 0;
}

/** The code from `start` to `end` moves as a whole to `newAddress`, from where it lies by the range set last. */
export function setRigidRange(start: usize, end: usize, newAddress: i64): void {
  lists = false;
  newBias = newAddress - <i64>start;
  movesInside = false;
  insideFrom = oldBias + <i64>start;
  insideTo = oldBias + <i64>end;
}

/** References in the code are listed, those inside it only when asked. */
export function setListedRange(start: usize, end: usize, address: i64, inside: bool): void {
  lists = true;
  origin = start;
  listed = 0;
  oldBias = address - <i64>start;
  insideFrom = inside ? 0 : address;
  insideTo = inside ? 0 : address + <i64>(end - start);
}

/** The new address of an instruction. */
export function newPlaceOf(instruction: usize): i64 {
  return movesInside ? map(oldBias + <i64>instruction) : newBias + <i64>instruction;
}

export function note(field: usize, form: u32, instruction: usize, target: i64): void {
  const record = list + <usize>listed * recordBytes;
  store<u32>(record, <u32>(field - origin));
  store<u32>(record, form, 4);
  store<u32>(record, <u32>(instruction - origin), 8);
  store<f64>(record, <f64>target, 16);
  if (++listed === listedAtOnce) takeNoted();
}

/** Hands on what is listed and not taken yet. */
export function takeNoted(): void {
  const count = listed;
  listed = 0;
  if (count > 0) takeReferences(count);
}
