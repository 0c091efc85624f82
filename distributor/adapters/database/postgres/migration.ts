/**
 * Brings the tables of a fleet in PostgreSQL up to date: one transaction, so that no lock can outlive a pooled session.
 */
import { Kysely, PostgresAdapter, PostgresDialect, sql } from 'kysely';
import { Migrator } from 'kysely/migration';
import { SlipwayError } from '../../../../contract/errors.ts';
import { fleetMigrations } from '../fleet-migrations.ts';
import type { FleetTables } from '../fleet-tables.ts';
import { patientPool, withoutCredentials } from './connection.ts';

/** That of kysely's own lock, which holds a session: replicas of before wait for us and we for them. */
const lockId = '3853314791062309107';

class InTransactionAdapter extends PostgresAdapter {
  override async acquireMigrationLock(): Promise<void> {}
  override async releaseMigrationLock(): Promise<void> {}
}

class InTransactionDialect extends PostgresDialect {
  override createAdapter(): PostgresAdapter {
    return new InTransactionAdapter();
  }
}

/**
 * @param mayMake makes the tables where there are none
 * @throws SlipwayError `state-missing`, and what the database fails with
 */
export async function migratePostgres(url: string, mayMake: boolean): Promise<void> {
  const db = new Kysely<FleetTables>({ dialect: new InTransactionDialect({ pool: patientPool(url, 1) }) });
  try {
    await db.transaction().execute(async (transaction) => {
      await sql`select pg_advisory_xact_lock(${sql.lit(lockId)}::bigint)`.execute(transaction);
      if (!mayMake) await findTables(transaction, url);
      const { error } = await new Migrator({
        db: transaction,
        provider: fleetMigrations('postgres'),
      }).migrateToLatest();
      if (error) throw error;
    });
  } finally {
    await db.destroy();
  }
}

async function findTables(db: Kysely<FleetTables>, url: string): Promise<void> {
  const found = sql<{ found: boolean }>`
    select to_regclass('kysely_migration') is not null and to_regclass('in_force') is not null as found`;
  const { rows } = await found.execute(db);
  if (rows[0]?.found === true) return;
  throw new SlipwayError('state-missing', `there is no fleet's state in ${withoutCredentials(url)}`, {
    hint: 'Give the --database of the server, or ask it with --server. slipway-distributor serve makes a new state.',
  });
}
