/** Declarations, campaigns and attempts in the fleet database. */
import type { Kysely, Selectable } from 'kysely';
import type { DevicePhase } from '../../contract/device-api/check.ts';
import type { UpdateOutcome } from '../../contract/device-api/report.ts';
import type { Attempt, CampaignKey, CampaignState, CampaignStatus } from '../rollout/campaign.ts';
import type { Rollout } from '../rollout/declaration.ts';
import type { CampaignStore } from '../rollout/ports.ts';
import type { FleetTables } from './fleet-tables.ts';

export function campaignRecords(db: Kysely<FleetTables>): CampaignStore {
  const attempts = () =>
    db
      .selectFrom('attempt')
      .innerJoin('device', 'device.id', 'attempt.device_id')
      .selectAll('attempt')
      .select('device.last_seen_at');
  const ofCampaign = ({ rollout, version }: CampaignKey) =>
    attempts().where('attempt.rollout', '=', rollout).where('attempt.version', '=', version);
  return {
    async loadDeclared() {
      const row = await db.selectFrom('declared').selectAll().executeTakeFirst();
      return row && { contentSha256: row.content_sha256, rollouts: JSON.parse(row.rollouts) as Rollout[] };
    },
    async saveDeclared(set, at) {
      const row = { content_sha256: set.contentSha256, rollouts: JSON.stringify(set.rollouts), applied_at: at };
      await db
        .insertInto('declared')
        .values({ id: 1, ...row })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
        .execute();
    },
    loadCampaigns: () => loadCampaigns(db),
    openWave: (key, position, name, at, reason) =>
      db.transaction().execute(async (tx) => {
        const row = { ...keyOf(key), status: 'active', reason, created_at: at, changed_at: at };
        await tx
          .insertInto('campaign')
          .values(row)
          .onConflict((conflict) => conflict.columns(['rollout', 'version']).doUpdateSet({ reason, changed_at: at }))
          .execute();
        await tx
          .insertInto('opened_wave')
          .values({ ...keyOf(key), position, name, opened_at: at })
          .onConflict((conflict) => conflict.columns(['rollout', 'version', 'position']).doNothing())
          .execute();
      }),
    async setStatus(key, status, reason, at) {
      const row = { ...keyOf(key), status, reason, created_at: at, changed_at: at };
      await db
        .insertInto('campaign')
        .values(row)
        .onConflict((conflict) =>
          conflict
            .columns(['rollout', 'version'])
            .doUpdateSet({ status, reason, changed_at: at })
            .where('campaign.status', '!=', 'aborted'),
        )
        .execute();
    },
    async attemptsOf(deviceId) {
      return (await attempts().where('attempt.device_id', '=', deviceId).execute()).map(fromRow);
    },
    async countOutcomes({ rollout, version }, fromPercent, toPercent) {
      const rows = await db
        .selectFrom('attempt')
        .select((eb) => ['outcome', eb.fn.countAll<number>().as('devices')])
        .where('rollout', '=', rollout)
        .where('version', '=', version)
        .where('outcome', 'is not', null)
        .where((eb) => eb(eb('place', '*', 100), '>=', fromPercent))
        .where((eb) => eb(eb('place', '*', 100), '<', toPercent))
        .groupBy('outcome')
        .execute();
      return rows.map((row) => ({ outcome: row.outcome as UpdateOutcome, devices: Number(row.devices) }));
    },
    async openAttempts(key) {
      return (await ofCampaign(key).where('attempt.outcome', 'is', null).execute()).map(fromRow);
    },
    async devicesOf(product) {
      const rows = await db
        .selectFrom('device')
        .select('id')
        .where('product', '=', product)
        .where('status', '=', 'accepted')
        .execute();
      return rows.map((row) => row.id);
    },
  };
}

async function loadCampaigns(db: Kysely<FleetTables>): Promise<CampaignState[]> {
  const campaigns = await db.selectFrom('campaign').selectAll().execute();
  const waves = await db.selectFrom('opened_wave').selectAll().orderBy('position').execute();
  return campaigns.map((row) => ({
    ...keyOf(row),
    status: row.status as CampaignStatus,
    reason: row.reason,
    createdAt: row.created_at,
    changedAt: row.changed_at,
    openedWaves: waves
      .filter((wave) => wave.rollout === row.rollout && wave.version === row.version)
      .map((wave) => ({ name: wave.name, openedAt: wave.opened_at })),
  }));
}

function keyOf({ rollout, version }: CampaignKey): CampaignKey {
  return { rollout, version };
}

function fromRow(row: Selectable<FleetTables['attempt']> & { last_seen_at: number | null }): Attempt {
  return {
    rollout: row.rollout,
    version: row.version,
    deviceId: row.device_id,
    place: row.place,
    offeredVersion: row.offered_version,
    offeredAt: row.offered_at,
    phase: (row.phase ?? undefined) as DevicePhase | undefined,
    outcome: (row.outcome ?? undefined) as UpdateOutcome | undefined,
    lastSeenAt: row.last_seen_at ?? row.offered_at,
  };
}
