/** Names the roles below targets that have keys and neither releases nor a document: of permits, and of offline grants. */
import { targetPattern } from '../../contract/release/manifest.ts';
import { offlinePattern, offlineRole, permitsPattern, permitsRole } from '../../contract/trust/keys-only-roles.ts';

const patterns: ReadonlyMap<string, string> = new Map([
  [permitsRole, permitsPattern],
  [offlineRole, offlinePattern],
]);

export function isKeyRole(name: string): boolean {
  return patterns.has(name);
}

/** What a delegated role may sign: the releases of a product, or nothing that has a path. */
export function patternOf(name: string): string {
  return patterns.get(name) ?? targetPattern(name);
}
