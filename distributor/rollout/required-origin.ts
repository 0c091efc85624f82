/** Tells what a rollout requires of a release about where it is from, and the release lacks. */
import { lackingOrigin, type OriginRequirement } from '../../contract/release/origin.ts';
import type { Release } from '../catalog/releases.ts';
import type { Rollout } from '../declaration/rollout.ts';

export function lackingFor(
  { require: required = [] }: Pick<Rollout, 'require'>,
  { origin = [] }: Pick<Release, 'origin'>,
): OriginRequirement[] {
  return lackingOrigin(required, origin);
}
