/** Keeps the keys of links in the fleet database. */
import type { Kysely } from 'kysely';
import type { LinkKey } from '../../../fleet/access/signed-link.ts';
import type { FleetTables } from '../fleet-tables.ts';
import { affectedBy, type DatabaseStep, rowsOf } from '../step.ts';

/** A step that may make a key takes this lock first. */
export const linkKeysLock = 'link keys';

/** Steps of LinkStore. */
export function linkKeyRecords(db: Kysely<FleetTables>) {
  return {
    *keep(fresh: LinkKey, lifeMs: number): DatabaseStep<LinkKey[]> {
      const { id, secret, createdAt } = fresh;
      yield* affectedBy(db.deleteFrom('link_key').where('created_at', '<', createdAt - 2 * lifeMs));
      const newestFirst = db.selectFrom('link_key').selectAll().orderBy('created_at', 'desc').orderBy('id');
      const rows = yield* rowsOf(newestFirst);
      const kept = rows.map((row) => ({ id: row.id, secret: row.secret, createdAt: row.created_at }));
      if ((kept[0]?.createdAt ?? Number.NEGATIVE_INFINITY) > createdAt - lifeMs) return kept;
      yield* affectedBy(db.insertInto('link_key').values({ id, secret, created_at: createdAt }));
      return [fresh, ...kept];
    },
  };
}
