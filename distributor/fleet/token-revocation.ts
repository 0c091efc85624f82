/** Revokes a token on a person's word: it is refused from the next request on. */
import { tokenRevoked } from '../events/audit.ts';
import type { TokenStore } from './ports.ts';
import type { OrderedBy } from './token-order.ts';
import { type TokenStanding, unknownToken } from './token-view.ts';

/** @throws SlipwayError `token-unknown` */
export async function revokeToken(
  store: Pick<TokenStore, 'revokeToken'>,
  id: string,
  { actor, at }: Pick<OrderedBy, 'actor' | 'at'>,
): Promise<TokenStanding> {
  if (!(await store.revokeToken(id, at, tokenRevoked(id, actor, at)))) throw unknownToken(id);
  return { id, status: 'revoked' };
}
