/** Declares what the host does for the module: it reads the old file, takes the new one, and throws. */

/** Fills `to` with `length` bytes of the old file from `offset` on; both lie inside. */
export declare function readOld(to: usize, offset: f64, length: u32): void;

/** Takes the next bytes of what is made. */
export declare function writeNew(from: usize, length: u32): void;

/** Takes the next references that a walk lists, `count` records at `list`. */
export declare function takeReferences(count: u32): void;

/** Throws for one of these reasons; nothing of what was begun goes on. */
export declare function refuse(reason: i32, a: f64, b: f64): void;

export const aboveLimit: i32 = 0;
export const outsideOldFile: i32 = 1;
export const rowOutsideTable: i32 = 2;
export const rowOfImpossibleSize: i32 = 3;
export const functionOfImpossibleSize: i32 = 4;
