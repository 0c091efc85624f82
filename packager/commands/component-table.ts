/** Prints the components of a release for people, a line each. */
import type { ReleaseManifest } from '../../contract/release/manifest.ts';
import { sizeText } from '../../system/command-line/size.ts';
import { tableText } from '../../system/command-line/table.ts';

export function componentTable(manifest: ReleaseManifest): string {
  const rows = manifest.components.map(({ name, kind, installPath, length, blobs, deltas }) => [
    name,
    kind,
    installPath,
    sizeText(length),
    blobs.map((blob) => `${sizeText(blob.length)} ${blob.encoding}`).join(', '),
    deltas.length === 0 ? '-' : deltas.map((delta) => sizeText(delta.length)).join(', '),
  ]);
  return tableText(['COMPONENT', 'KIND', 'INSTALLED AS', 'SIZE', 'STORED', 'DELTAS'], rows);
}
