/**
 * Names the schema versions of release.json, and which updater reads each. A release is written in the lowest version
 * that can say it, so that older devices and servers go on with all that says nothing new.
 */
import { compareVersions, type Version } from './version.ts';

export const manifestSchemaVersions = [1, 2, 3] as const;
export type ManifestSchemaVersion = (typeof manifestSchemaVersions)[number];

/** The first edge-updater that reads each schema version. */
const firstUpdaters: Readonly<Record<Exclude<ManifestSchemaVersion, 1>, Version>> = { 2: '0.2.0', 3: '0.2.0' };

/** Members that later schema versions added. */
interface AddedMembers {
  /** In 2. */
  readonly distribution?: unknown;
  readonly onRollback?: unknown;
  /** In 3. */
  readonly attachments?: unknown;
  readonly upstream?: unknown;
}

/** The one schema version that a release is written in. */
export function schemaVersionFor(release: AddedMembers): ManifestSchemaVersion {
  const { distribution, onRollback, attachments, upstream } = release;
  if (attachments !== undefined || upstream !== undefined) return 3;
  return distribution === undefined && onRollback === undefined ? 1 : 2;
}

/** The oldest updater that a release needs: as declared, or the first that reads its schema, whichever is newer. */
export function updaterNeeded(schema: ManifestSchemaVersion, declared: Version | undefined): Version | undefined {
  if (schema === 1) return declared;
  const first = firstUpdaters[schema];
  return declared !== undefined && compareVersions(declared, first) >= 0 ? declared : first;
}
