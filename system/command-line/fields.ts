/** Prints what is known of one thing, a line for each field: names in a column, values beside them. */
import { printable } from './printable.ts';

/** @param value undefined where there is nothing to say of it */
export type Field = readonly [name: string, value: string | undefined];

export function fieldLines(fields: readonly Field[]): string[] {
  const known = fields.flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]));
  const width = Math.max(0, ...known.map(({ name }) => name.length));
  return known.map(({ name, value }) => `${name.padEnd(width)}  ${printable(value)}`.trimEnd());
}
