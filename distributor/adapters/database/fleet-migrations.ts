/** Lists how the tables of the fleet's state came to be: one list of migrations for SQLite and PostgreSQL. */
import { type CreateTableBuilder, type Kysely, sql } from 'kysely';
import type { Migration, MigrationProvider } from 'kysely/migration';
import { codesAtEvidence } from './codes-at-evidence.ts';
import { makeLeadTable } from './postgres/lead.ts';

type Engine = 'sqlite' | 'postgres';

/** In order of their names; one that was ever released never changes. */
export function fleetMigrations(engine: Engine): MigrationProvider {
  return {
    getMigrations: async () => ({
      '0001-tables': { up: (db: Kysely<unknown>) => createTables(db, engine) },
      '0002-append-only-events': appendOnlyEvents(engine),
      '0003-findings': {
        up: (db: Kysely<unknown>) => db.schema.alterTable('attempt').addColumn('found_at', 'bigint').execute(),
      },
      '0004-evidence': { up: addEvidence },
      '0005-device-condition': { up: addDeviceCondition },
      '0006-token-owners': { up: addTokenOwners },
      ...(engine === 'postgres' ? { '0007-lead': { up: makeLeadTable } } : {}),
      '0008-box': { up: (db: Kysely<unknown>) => db.schema.alterTable('device').addColumn('box', 'text').execute() },
      '0009-identity': { up: addIdentity },
      '0010-reach': { up: (db: Kysely<unknown>) => db.schema.alterTable('token').addColumn('reach', 'text').execute() },
      '0011-link-keys': { up: addLinkKeys },
    }),
  };
}

/** Keys that sign links to stored content: one for all replicas. */
async function addLinkKeys(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('link_key')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('secret', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute();
}

/** Labels that a token or the server gives a device, the key that it signs with, and the machines that it was seen on. */
async function addIdentity(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('token').addColumn('bound', 'text').execute();
  for (const column of ['given_labels', 'public_key', 'nonces', 'watch']) {
    await db.schema.alterTable('device').addColumn(column, 'text').execute();
  }
}

/** Whose a token is, and whether anybody uses it. */
async function addTokenOwners(db: Kysely<unknown>): Promise<void> {
  for (const column of ['name', 'created_by']) await db.schema.alterTable('token').addColumn(column, 'text').execute();
  await db.schema.alterTable('token').addColumn('last_used_at', 'bigint').execute();
  await db.schema.createIndex('token_created').on('token').columns(['created_at', 'id']).execute();
}

/** What devices tell of their own state, and whose fault a report says it was. */
async function addDeviceCondition(db: Kysely<unknown>): Promise<void> {
  for (const column of ['troubles', 'trouble_codes']) {
    await db.schema.alterTable('device').addColumn(column, 'text').execute();
  }
  for (const column of ['fault', 'next_try_at']) {
    await db.schema.alterTable('report').addColumn(column, 'text').execute();
  }
  await sql`create index device_trouble on device (trouble_codes, status) where trouble_codes is not null`.execute(db);
}

async function createTables(db: Kysely<unknown>, engine: Engine): Promise<void> {
  const serial = engine === 'postgres' ? 'serial' : 'integer';
  /** Rows stand in the order of their key. */
  const byKey = <T extends CreateTableBuilder<string, string>>(table: T) =>
    engine === 'postgres' ? table : table.modifyEnd(sql`without rowid`);
  /** Rows change often and in place. */
  const updatedInPlace = <T extends CreateTableBuilder<string, string>>(table: T) =>
    engine === 'postgres' ? table.modifyEnd(sql`with (fillfactor = 80)`) : table;

  await db.schema
    .createTable('token')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('hash', 'text', (column) => column.notNull().unique())
    .addColumn('purpose', 'text', (column) => column.notNull())
    .addColumn('scopes', 'text', (column) => column.notNull())
    .addColumn('device_id', 'text')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint')
    .addColumn('uses_left', 'integer')
    .addColumn('revoked_at', 'bigint')
    .execute();
  await db.schema.createIndex('token_device').on('token').column('device_id').execute();

  await updatedInPlace(
    db.schema
      .createTable('device')
      .addColumn('number', serial, (column) => (engine === 'sqlite' ? column.autoIncrement() : column).primaryKey())
      .addColumn('id', 'text', (column) => column.notNull().unique())
      .addColumn('product', 'text', (column) => column.notNull())
      .addColumn('platform', 'text', (column) => column.notNull())
      .addColumn('labels', 'text', (column) => column.notNull())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('enrolled_at', 'bigint', (column) => column.notNull())
      .addColumn('enrolled_by', 'text', (column) => column.notNull())
      .addColumn('site', 'text')
      .addColumn('cluster', 'text')
      .addColumn('role', 'text', (column) => column.notNull())
      .addColumn('updater_version', 'text')
      .addColumn('current_version', 'text')
      .addColumn('current_counter', 'bigint')
      .addColumn('current_sha256', 'text')
      .addColumn('counter_floor', 'bigint', (column) => column.notNull())
      .addColumn('phase', 'text')
      .addColumn('rejected', 'text')
      .addColumn('acknowledged_through', 'bigint', (column) => column.notNull())
      .addColumn('gaps', 'text'),
  ).execute();
  await db.schema.createIndex('device_product').on('device').columns(['product', 'id']).execute();
  await sql`create index device_site on device (site) where site is not null`.execute(db);
  await sql`create index device_cluster on device (cluster) where cluster is not null`.execute(db);

  await updatedInPlace(
    db.schema
      .createTable('sighting')
      .addColumn('device', 'integer', (column) => column.primaryKey())
      .addColumn('at', 'bigint', (column) => column.notNull()),
  ).execute();

  await byKey(
    db.schema
      .createTable('report')
      .addColumn('device', 'integer', (column) => column.notNull())
      .addColumn('sequence', 'bigint', (column) => column.notNull())
      .addColumn('received_at', 'bigint', (column) => column.notNull())
      .addColumn('at', 'text', (column) => column.notNull())
      .addColumn('attempt', 'text', (column) => column.notNull())
      .addColumn('rollout', 'text')
      .addColumn('version', 'text', (column) => column.notNull())
      .addColumn('manifest_sha256', 'text')
      .addColumn('phase', 'text', (column) => column.notNull())
      .addColumn('outcome', 'text')
      .addColumn('code', 'text')
      .addColumn('message', 'text')
      .addColumn('bytes_on_wire', 'bigint')
      .addColumn('full_bytes', 'bigint')
      .addColumn('resumed_from', 'bigint')
      .addPrimaryKeyConstraint('report_key', ['device', 'sequence']),
  ).execute();

  await db.schema
    .createTable('campaign')
    .addColumn('id', serial, (column) => (engine === 'sqlite' ? column.autoIncrement() : column).primaryKey())
    .addColumn('rollout', 'text', (column) => column.notNull())
    .addColumn('version', 'text', (column) => column.notNull())
    .addColumn('started', 'integer', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('waves', 'text', (column) => column.notNull())
    .addColumn('generation', 'integer', (column) => column.notNull())
    .addColumn('stalled_at', 'bigint')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('changed_at', 'bigint', (column) => column.notNull())
    .addUniqueConstraint('campaign_key', ['rollout', 'version'])
    .execute();

  await byKey(
    updatedInPlace(
      db.schema
        .createTable('attempt')
        .addColumn('campaign', 'integer', (column) => column.notNull())
        .addColumn('device', 'integer', (column) => column.notNull())
        .addColumn('place', 'double precision', (column) => column.notNull())
        .addColumn('offered_version', 'text')
        .addColumn('offered_at', 'bigint', (column) => column.notNull())
        .addColumn('generation', 'integer', (column) => column.notNull())
        .addColumn('phase', 'text')
        .addColumn('phase_sequence', 'bigint', (column) => column.notNull())
        .addColumn('outcome', 'text')
        .addColumn('outcome_sequence', 'bigint', (column) => column.notNull())
        .addColumn('code', 'text')
        .addColumn('reverted_at', 'bigint')
        .addColumn('bytes_on_wire', 'bigint')
        .addColumn('bytes_of', 'text')
        .addColumn('bytes_sequence', 'bigint', (column) => column.notNull())
        .addColumn('reserved_slot', 'bigint')
        .addPrimaryKeyConstraint('attempt_key', ['campaign', 'device']),
    ),
  ).execute();
  await db.schema.createIndex('attempt_device').on('attempt').column('device').execute();

  await byKey(
    db.schema
      .createTable('spending')
      .addColumn('campaign', 'integer', (column) => column.notNull())
      .addColumn('slot', 'bigint', (column) => column.notNull())
      .addColumn('bytes', 'bigint', (column) => column.notNull())
      .addColumn('attempts', 'bigint', (column) => column.notNull())
      .addColumn('reserved', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('spending_key', ['campaign', 'slot']),
  ).execute();

  await db.schema
    .createTable('applied_plan')
    .addColumn('id', serial, (column) => (engine === 'sqlite' ? column.autoIncrement() : column).primaryKey())
    .addColumn('content_sha256', 'text', (column) => column.notNull())
    .addColumn('revision', 'text', (column) => column.notNull())
    .addColumn('author', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('applied_at', 'bigint', (column) => column.notNull())
    .addColumn('diff', 'text', (column) => column.notNull())
    .addColumn('plan', 'text', (column) => column.notNull())
    .execute();

  await db.schema
    .createTable('event')
    .addColumn('id', engine === 'postgres' ? 'bigserial' : 'integer', (column) =>
      (engine === 'sqlite' ? column.autoIncrement() : column).primaryKey(),
    )
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('actor', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('rollout', 'text')
    .addColumn('version', 'text')
    .addColumn('device_id', 'text')
    .addColumn('reason', 'text', (column) => column.notNull())
    .addColumn('facts', 'text')
    .execute();
  await db.schema
    .createTable('event_retention')
    .addColumn('id', 'integer', (column) => column.primaryKey().check(sql`id = 1`))
    .addColumn('keep_from', 'bigint', (column) => column.notNull())
    .execute();
  await sql`insert into event_retention (id, keep_from) values (1, 0)`.execute(db);

  await db.schema
    .createTable('in_force')
    .addColumn('id', 'integer', (column) => column.primaryKey().check(sql`id = 1`))
    .addColumn('revision', 'bigint', (column) => column.notNull())
    .addColumn('plan_sha256', 'text')
    .execute();
  await sql`insert into in_force (id, revision) values (1, 0)`.execute(db);
}

/** Whose fault an outcome is and when it became known; what was counted before is told apart by its code. */
async function addEvidence(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable('campaign').addColumn('judged_from', 'bigint').execute();
  await db.schema.alterTable('attempt').addColumn('settled_at', 'bigint').execute();
  await db.schema.alterTable('attempt').addColumn('fault', 'text').execute();
  const codesOf = (fault: string) =>
    sql.join(Object.entries(codesAtEvidence).flatMap(([code, whose]) => (whose === fault ? [sql.lit(code)] : [])));
  await sql`update attempt set settled_at = offered_at where outcome is not null`.execute(db);
  await sql`update attempt set fault = case
    when code in (${codesOf('release')}) then 'release'
    when code in (${codesOf('path')}) then 'path'
    when code is not null or outcome = 'failed' then 'device'
    else 'release' end
    where outcome is not null and outcome <> 'committed'`.execute(db);
}

/** Nobody changes an event or removes a young one: not a defect of ours, nor a person at the database's own prompt. */
function appendOnlyEvents(engine: Engine): Migration {
  const statements =
    engine === 'sqlite'
      ? [
          `create trigger event_is_final before update on event
           begin select raise(abort, 'events are append-only'); end`,
          `create trigger event_is_kept before delete on event
           when old.at >= (select keep_from from event_retention)
           begin select raise(abort, 'events are append-only'); end`,
          `create trigger event_retention_grows before update on event_retention
           when new.keep_from < old.keep_from
           begin select raise(abort, 'the mark of kept events never goes back'); end`,
          `create trigger event_retention_stays before delete on event_retention
           begin select raise(abort, 'the mark of kept events stays'); end`,
        ]
      : [
          `create function event_is_final() returns trigger language plpgsql as $$
           begin raise exception 'events are append-only'; end $$`,
          `create function event_is_kept() returns trigger language plpgsql as $$
           begin
             if old.at >= (select keep_from from event_retention) then raise exception 'events are append-only'; end if;
             return old;
           end $$`,
          `create function event_retention_grows() returns trigger language plpgsql as $$
           begin
             if new.keep_from < old.keep_from then raise exception 'the mark of kept events never goes back'; end if;
             return new;
           end $$`,
          'create trigger event_is_final before update on event for each row execute function event_is_final()',
          'create trigger event_is_kept before delete on event for each row execute function event_is_kept()',
          'create trigger event_no_truncate before truncate on event for each statement execute function event_is_final()',
          `create trigger event_retention_grows before update on event_retention
           for each row execute function event_retention_grows()`,
          `create trigger event_retention_stays before delete on event_retention
           for each row execute function event_is_final()`,
        ];
  return {
    async up(db: Kysely<unknown>) {
      for (const statement of statements) await sql.raw(statement).execute(db);
    },
  };
}
