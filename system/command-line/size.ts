/** Writes amounts of bytes for people. */

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Decimal units, three digits: `512 B`, `70.1 MB`. */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // As it will be written: 999,999 bytes are a megabyte, not a thousand kilobytes.
  while (Number(value.toPrecision(3)) >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
}
