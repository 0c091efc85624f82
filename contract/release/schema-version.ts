/**
 * Names the schema versions of release.json, and which updater reads each. A release is written in the lowest version
 * that can say it, so that older devices and servers go on with all that says nothing new.
 */
import { compareVersions, type Version } from './version.ts';

export const manifestSchemaVersions = [1, 2] as const;
export type ManifestSchemaVersion = (typeof manifestSchemaVersions)[number];

/** The first edge-updater that reads schema version 2. */
export const updaterOfSchema2: Version = '0.2.0';

/** Members that schema version 2 added. */
interface AddedIn2 {
  readonly distribution?: unknown;
  readonly onRollback?: unknown;
}

/** The one schema version that a release is written in. */
export function schemaVersionFor({ distribution, onRollback }: AddedIn2): ManifestSchemaVersion {
  return distribution === undefined && onRollback === undefined ? 1 : 2;
}

/** The oldest updater that a release needs: as declared, or the first that reads its schema, whichever is newer. */
export function updaterNeeded(schema: ManifestSchemaVersion, declared: Version | undefined): Version | undefined {
  if (schema === 1) return declared;
  return declared !== undefined && compareVersions(declared, updaterOfSchema2) >= 0 ? declared : updaterOfSchema2;
}
