/** Prints rows under a heading, columns aligned by spaces: all at once, or line by line while they come. */

type Row = readonly string[];

export function tableText(heading: Row, rows: readonly Row[]): string {
  const all = [heading, ...rows];
  const widths = widthsOf(all);
  return all.map((row) => aligned(row, widths)).join('\n');
}

/** Rows that set the widths of the columns; a wider cell that comes later moves what follows it in its row. */
const measuredRows = 1000;

/**
 * The lines of a table of any length, of which no more than a part is in memory.
 * @param none stands for the table where there are no items
 */
export async function* tableLines<T>(
  heading: Row,
  items: AsyncIterable<T>,
  rowOf: (item: T) => Row,
  none: string,
): AsyncIterable<string> {
  let first: Row[] = [heading];
  let widths: number[] | undefined;
  for await (const item of items) {
    const row = rowOf(item);
    if (widths) yield aligned(row, widths);
    else if (first.push(row) > measuredRows) {
      const measured = widthsOf(first);
      widths = measured;
      yield* first.map((one) => aligned(one, measured));
      first = [];
    }
  }
  if (widths) return;
  if (first.length === 1) yield none;
  else {
    const measured = widthsOf(first);
    yield* first.map((one) => aligned(one, measured));
  }
}

function widthsOf(rows: readonly Row[]): number[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return widths;
}

function aligned(row: Row, widths: readonly number[]): string {
  return row
    .map((cell, column) => cell.padEnd(widths[column] ?? 0))
    .join('  ')
    .trimEnd();
}
