/** Tokens in the fleet database. */
import type { Kysely, Selectable } from 'kysely';
import type { TokenPurpose } from '../../contract/device-api/enrolment.ts';
import type { TokenRecord } from '../fleet/ports.ts';
import type { Scope } from '../fleet/scopes.ts';
import type { FleetTables } from './fleet-tables.ts';
import { affectedBy, firstOf, Prepared, rowsOf, type SlotOf, type Step } from './step.ts';

export type TokenRecords = ReturnType<typeof tokenRecords>;

/** Steps of TokenStore. */
export function tokenRecords(db: Kysely<FleetTables>) {
  const byHash = Prepared.from((slot: SlotOf<'hash'>) =>
    db.selectFrom('token').selectAll().where('hash', '=', slot('hash')),
  );
  return {
    *save(token: TokenRecord): Step<void> {
      yield* affectedBy(db.insertInto('token').values(toRow(token)));
    },
    *find(hash: string): Step<TokenRecord | undefined> {
      const row = yield* byHash.first({ hash });
      return row && fromRow(row);
    },
    *list(): Step<TokenRecord[]> {
      return (yield* rowsOf(db.selectFrom('token').selectAll().orderBy('created_at').orderBy('id'))).map(fromRow);
    },
    *revoke(id: string, at: number): Step<boolean> {
      const known = yield* firstOf(db.selectFrom('token').select('id').where('id', '=', id));
      if (!known) return false;
      const revoking = db.updateTable('token').set({ revoked_at: at }).where('id', '=', id);
      yield* affectedBy(revoking.where('revoked_at', 'is', null));
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
