/** Tokens in the fleet database. */
import type { Kysely, Selectable } from 'kysely';
import type { TokenPurpose } from '../../contract/device-api/enrolment.ts';
import type { TokenRecord, TokenStore } from '../fleet/ports.ts';
import type { Scope } from '../fleet/scopes.ts';
import type { FleetTables } from './fleet-tables.ts';

export function tokenRecords(db: Kysely<FleetTables>): TokenStore {
  return {
    async saveToken(token) {
      await db.insertInto('token').values(toRow(token)).execute();
    },
    async findToken(hash) {
      const row = await db.selectFrom('token').selectAll().where('hash', '=', hash).executeTakeFirst();
      return row && fromRow(row);
    },
    async listTokens() {
      return (await db.selectFrom('token').selectAll().orderBy('created_at').orderBy('id').execute()).map(fromRow);
    },
    async revokeToken(id, at) {
      const known = await db.selectFrom('token').select('id').where('id', '=', id).executeTakeFirst();
      if (!known) return false;
      await db
        .updateTable('token')
        .set({ revoked_at: at })
        .where('id', '=', id)
        .where('revoked_at', 'is', null)
        .execute();
      return true;
    },
  };
}

export function toRow(token: TokenRecord): FleetTables['token'] {
  return {
    id: token.id,
    hash: token.hash,
    purpose: token.purpose,
    scopes: JSON.stringify(token.scopes),
    device_id: token.deviceId ?? null,
    created_at: token.createdAt,
    expires_at: token.expiresAt ?? null,
    uses_left: token.usesLeft ?? null,
    revoked_at: token.revokedAt ?? null,
  };
}

function fromRow(row: Selectable<FleetTables['token']>): TokenRecord {
  return {
    id: row.id,
    hash: row.hash,
    purpose: row.purpose as TokenPurpose,
    scopes: JSON.parse(row.scopes) as Scope[],
    deviceId: row.device_id ?? undefined,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    usesLeft: row.uses_left ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
  };
}
