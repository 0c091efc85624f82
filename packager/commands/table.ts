/** Rows for people, in columns of equal width. */
import type { ReleaseManifest } from '../../contract/release/manifest.ts';

export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

export function componentRows(manifest: ReleaseManifest): string[][] {
  const rows = manifest.components.map(({ name, kind, installPath, length, blobs, deltas }) => [
    name,
    kind,
    installPath,
    size(length),
    blobs.map((blob) => `${size(blob.length)} ${blob.encoding}`).join(', '),
    deltas.length === 0 ? '-' : deltas.map((delta) => size(delta.length)).join(', '),
  ]);
  return [['COMPONENT', 'KIND', 'INSTALLED AS', 'SIZE', 'STORED', 'DELTAS'], ...rows];
}

/** Decimal units, three digits. */
export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
}
