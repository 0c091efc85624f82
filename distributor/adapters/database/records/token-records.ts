/** Keeps tokens in the fleet database. */
import { type Kysely, type Selectable, sql } from 'kysely';
import type { TokenPurpose } from '../../../../contract/device-api/enrolment.ts';
import { everywhere, type FleetReach, isWhole } from '../../../fleet/access/reach.ts';
import type { Scope } from '../../../fleet/access/scopes.ts';
import { unbound } from '../../../fleet/access/token.ts';
import type { EnrolmentBounds } from '../../../fleet/identity/identity-ports.ts';
import type { TokenPage, TokenRecord } from '../../../fleet/ports.ts';
import type { FleetTables } from '../fleet-tables.ts';
import { affectedBy, type DatabaseStep, firstOf, Prepared, rowsOf, type SlotOf } from '../step.ts';

export type TokenRecords = ReturnType<typeof tokenRecords>;

/** Steps of TokenStore. */
export function tokenRecords(db: Kysely<FleetTables>) {
  const byHash = Prepared.often({ hash: 'text' }, (slot: SlotOf<'hash'>) =>
    db.selectFrom('token').selectAll().where('hash', '=', slot('hash')),
  );
  return {
    *save(token: TokenRecord): DatabaseStep<void> {
      yield* affectedBy(db.insertInto('token').values(toRow(token)));
    },
    *find(hash: string): DatabaseStep<TokenRecord | undefined> {
      const row = yield* byHash.first({ hash });
      return row && fromRow(row);
    },
    *ofId(id: string): DatabaseStep<TokenRecord | undefined> {
      const row = yield* firstOf(db.selectFrom('token').selectAll().where('id', '=', id));
      return row && fromRow(row);
    },
    *list({ after, purpose, limit }: TokenPage): DatabaseStep<TokenRecord[]> {
      let query = db
        .selectFrom('token')
        .leftJoin('device', 'device.id', 'token.device_id')
        .leftJoin('sighting', 'sighting.device', 'device.number')
        .selectAll('token')
        .select('sighting.at as seen_at')
        .orderBy('token.created_at')
        .orderBy('token.id')
        .limit(limit);
      if (purpose !== undefined) query = query.where('purpose', '=', purpose);
      if (after !== undefined) {
        query = query.where(sql<boolean>`(token.created_at, token.id) > (${after.createdAt}, ${after.id})`);
      }
      return (yield* rowsOf(query)).map((row) => fromRow({ ...row, last_used_at: row.last_used_at ?? row.seen_at }));
    },
    *recordUse(uses: ReadonlyMap<string, number>): DatabaseStep<void> {
      for (const [id, at] of uses) {
        const isNews = sql<boolean>`coalesce(last_used_at, 0) < ${at}`;
        yield* affectedBy(db.updateTable('token').set({ last_used_at: at }).where('id', '=', id).where(isNews));
      }
    },
    *revoke(id: string, at: number): DatabaseStep<boolean> {
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
    // A replica of an earlier version knows no bounds: for that one such a token has no scope at all.
    scopes: JSON.stringify(isEverywhere(token.reach) ? token.scopes : []),
    device_id: token.deviceId ?? null,
    created_at: token.createdAt,
    expires_at: token.expiresAt ?? null,
    uses_left: token.usesLeft ?? null,
    revoked_at: token.revokedAt ?? null,
    name: token.name ?? null,
    created_by: token.createdBy ?? null,
    last_used_at: token.lastUsedAt ?? null,
    bound: boundText(token.bound),
    reach: isEverywhere(token.reach) ? null : JSON.stringify({ scopes: token.scopes, ...token.reach }),
  };
}

function fromRow(row: Selectable<FleetTables['token']>): TokenRecord {
  const { scopes, ...reach } = reachOfRow(row);
  return {
    id: row.id,
    hash: row.hash,
    name: row.name ?? undefined,
    purpose: row.purpose as TokenPurpose,
    scopes,
    reach,
    deviceId: row.device_id ?? undefined,
    createdAt: row.created_at,
    createdBy: row.created_by ?? undefined,
    expiresAt: row.expires_at ?? undefined,
    usesLeft: row.uses_left ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
    // Earlier versions wrote no groups.
    bound: row.bound === null ? unbound : { ...unbound, ...(JSON.parse(row.bound) as EnrolmentBounds) },
  };
}

function reachOfRow({ reach, scopes }: Pick<Selectable<FleetTables['token']>, 'reach' | 'scopes'>) {
  if (reach === null) return { scopes: JSON.parse(scopes) as Scope[], ...everywhere };
  return JSON.parse(reach) as FleetReach & { readonly scopes: Scope[] };
}

function isEverywhere(reach: FleetReach): boolean {
  return isWhole(reach) && !reach.readOnly;
}

function boundText(bound: EnrolmentBounds): string | null {
  const isNothing = Object.keys(bound.labels).length + bound.products.length + bound.groups.length === 0;
  return isNothing ? null : JSON.stringify(bound);
}
