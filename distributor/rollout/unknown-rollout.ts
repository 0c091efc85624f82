/** Says that a rollout is not declared; one that lies outside a caller's reach is answered in the same words. */
import { SlipwayError } from '../../contract/errors.ts';

export function unknownRollout(name: string): SlipwayError {
  return new SlipwayError('rollout-unknown', `no rollout ${name} is declared`, {
    hint: 'List the rollouts with GET /v1/rollouts.',
  });
}
