/** Names the roles below targets that have keys and neither releases nor a document: of permits, and of offline grants. */
import { targetPattern } from '../../contract/release/manifest.ts';
import { keysOnlyPatterns } from '../../contract/trust/keys-only-roles.ts';

export function isKeyRole(name: string): boolean {
  return keysOnlyPatterns.has(name);
}

/** What a delegated role may sign: the releases of a product, or nothing that has a path. */
export function patternOf(name: string): string {
  return keysOnlyPatterns.get(name) ?? targetPattern(name);
}
