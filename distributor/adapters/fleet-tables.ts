/**
 * The tables of the fleet's state, and how they came to be: one list of migrations for every database that kysely
 * speaks to. Times are milliseconds since 1970; structures are JSON text.
 */
import { type Kysely, sql } from 'kysely';
import type { Migration, MigrationProvider } from 'kysely/migration';

export interface FleetTables {
  token: {
    id: string;
    hash: string;
    purpose: string;
    /** JSON array. */
    scopes: string;
    device_id: string | null;
    created_at: number;
    expires_at: number | null;
    uses_left: number | null;
    revoked_at: number | null;
  };
  device: {
    id: string;
    product: string;
    platform: string;
    /** JSON object. */
    labels: string;
    status: string;
    enrolled_at: number;
    enrolled_by: string;
    last_seen_at: number | null;
    updater_version: string | null;
    /** JSON of the installed release. */
    current: string | null;
    counter_floor: number;
    phase: string | null;
    acknowledged_through: number;
  };
  report: {
    device_id: string;
    sequence: number;
    received_at: number;
    /** JSON of the report as it came. */
    body: string;
  };
  attempt: {
    rollout: string;
    version: string;
    device_id: string;
    place: number;
    offered_version: string;
    offered_at: number;
    phase: string | null;
    phase_sequence: number;
    outcome: string | null;
    outcome_sequence: number;
  };
  campaign: {
    rollout: string;
    version: string;
    status: string;
    reason: string;
    created_at: number;
    changed_at: number;
  };
  opened_wave: {
    rollout: string;
    version: string;
    position: number;
    name: string;
    opened_at: number;
  };
  /** One row at most: the declarations accepted last. */
  declared: {
    id: number;
    content_sha256: string;
    /** JSON array of rollouts. */
    rollouts: string;
    applied_at: number;
  };
}

const firstTables: Migration = {
  async up(db: Kysely<unknown>) {
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
    await db.schema
      .createTable('device')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('product', 'text', (column) => column.notNull())
      .addColumn('platform', 'text', (column) => column.notNull())
      .addColumn('labels', 'text', (column) => column.notNull())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('enrolled_at', 'bigint', (column) => column.notNull())
      .addColumn('enrolled_by', 'text', (column) => column.notNull())
      .addColumn('last_seen_at', 'bigint')
      .addColumn('updater_version', 'text')
      .addColumn('current', 'text')
      .addColumn('counter_floor', 'bigint', (column) => column.notNull().defaultTo(0))
      .addColumn('phase', 'text')
      .addColumn('acknowledged_through', 'bigint', (column) => column.notNull().defaultTo(0))
      .execute();
    await db.schema.createIndex('device_product').on('device').column('product').execute();
    await db.schema
      .createTable('report')
      .addColumn('device_id', 'text', (column) => column.notNull())
      .addColumn('sequence', 'bigint', (column) => column.notNull())
      .addColumn('received_at', 'bigint', (column) => column.notNull())
      .addColumn('body', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('report_key', ['device_id', 'sequence'])
      .execute();
    await db.schema
      .createTable('attempt')
      .addColumn('rollout', 'text', (column) => column.notNull())
      .addColumn('version', 'text', (column) => column.notNull())
      .addColumn('device_id', 'text', (column) => column.notNull())
      .addColumn('place', 'double precision', (column) => column.notNull())
      .addColumn('offered_version', 'text', (column) => column.notNull())
      .addColumn('offered_at', 'bigint', (column) => column.notNull())
      .addColumn('phase', 'text')
      .addColumn('phase_sequence', 'bigint', (column) => column.notNull().defaultTo(0))
      .addColumn('outcome', 'text')
      .addColumn('outcome_sequence', 'bigint', (column) => column.notNull().defaultTo(0))
      .addPrimaryKeyConstraint('attempt_key', ['rollout', 'version', 'device_id'])
      .execute();
    await db.schema.createIndex('attempt_device').on('attempt').column('device_id').execute();
    await db.schema
      .createTable('campaign')
      .addColumn('rollout', 'text', (column) => column.notNull())
      .addColumn('version', 'text', (column) => column.notNull())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('reason', 'text', (column) => column.notNull())
      .addColumn('created_at', 'bigint', (column) => column.notNull())
      .addColumn('changed_at', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('campaign_key', ['rollout', 'version'])
      .execute();
    await db.schema
      .createTable('opened_wave')
      .addColumn('rollout', 'text', (column) => column.notNull())
      .addColumn('version', 'text', (column) => column.notNull())
      .addColumn('position', 'integer', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('opened_at', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('opened_wave_key', ['rollout', 'version', 'position'])
      .execute();
    await db.schema
      .createTable('declared')
      .addColumn('id', 'integer', (column) => column.primaryKey().check(sql`id = 1`))
      .addColumn('content_sha256', 'text', (column) => column.notNull())
      .addColumn('rollouts', 'text', (column) => column.notNull())
      .addColumn('applied_at', 'bigint', (column) => column.notNull())
      .execute();
  },
};

/** In order of their names; one that was ever released never changes. */
export const fleetMigrations: MigrationProvider = {
  getMigrations: async () => ({ '0001-first-tables': firstTables }),
};
