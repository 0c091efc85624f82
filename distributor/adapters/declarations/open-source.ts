/** Opens the source that a place names. */
import type { DeclarationSource } from '../../reconcile/ports.ts';
import type { SourcePlace } from '../../reconcile/source-place.ts';
import { gitSource } from '../git/source.ts';
import { rolloutFiles } from './rollout-files.ts';

/** @throws SlipwayError `usage`, `transport-insecure` */
export function openSource(place: SourcePlace, env: NodeJS.ProcessEnv): DeclarationSource {
  return place.kind === 'git' ? gitSource(place, env) : rolloutFiles(place, env);
}
