/** Revokes a token on a person's word: it is refused from the next request on. */
import { tokenRevoked } from '../../events/audit.ts';
import type { TokenRecord, TokenStore } from '../ports.ts';
import type { OrderedBy } from './token-order.ts';
import { type TokenStanding, unknownToken } from './token-view.ts';

/** @param sees whether it is one for who asks @throws SlipwayError `token-unknown` */
export async function revokeToken(
  store: Pick<TokenStore, 'revokeToken' | 'tokenOfId'>,
  id: string,
  { actor, at }: Pick<OrderedBy, 'actor' | 'at'>,
  sees: (token: TokenRecord) => Promise<boolean> = async () => true,
): Promise<TokenStanding> {
  const token = await store.tokenOfId(id);
  if (!token || !(await sees(token))) throw unknownToken(id);
  if (!(await store.revokeToken(id, at, tokenRevoked(id, actor, at)))) throw unknownToken(id);
  return { id, status: 'revoked' };
}
