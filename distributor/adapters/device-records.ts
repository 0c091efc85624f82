/** Devices, their enrolment and their checks in the fleet database. */
import type { Kysely, Selectable, Transaction } from 'kysely';
import type { DevicePhase, InstalledRelease, Labels } from '../../contract/device-api/check.ts';
import type { Platform } from '../../contract/release/platform.ts';
import type { DeviceRecord, DeviceStore, Enrolment, OfferRecord } from '../fleet/ports.ts';
import type { FleetTables } from './fleet-tables.ts';
import { listReports, storeReports } from './report-records.ts';
import { toRow } from './token-records.ts';

export function deviceRecords(db: Kysely<FleetTables>): DeviceStore {
  return {
    enrol: (enrolment) => db.transaction().execute((tx) => enrolDevice(tx, enrolment)),
    async findDevice(id) {
      const row = await db.selectFrom('device').selectAll().where('id', '=', id).executeTakeFirst();
      return row && fromRow(row);
    },
    async listDevices({ after, limit }) {
      const rows = await db
        .selectFrom('device')
        .selectAll()
        .where('id', '>', after ?? '')
        .orderBy('id')
        .limit(limit)
        .execute();
      return rows.map(fromRow);
    },
    async countDevices() {
      const row = await db
        .selectFrom('device')
        .select((eb) => eb.fn.countAll<number>().as('n'))
        .executeTakeFirstOrThrow();
      return Number(row.n);
    },
    forgetDevice: (id) =>
      db.transaction().execute(async (tx) => {
        await tx.deleteFrom('token').where('device_id', '=', id).execute();
        await tx.deleteFrom('report').where('device_id', '=', id).execute();
        await tx.deleteFrom('attempt').where('device_id', '=', id).execute();
        const { numDeletedRows } = await tx.deleteFrom('device').where('id', '=', id).executeTakeFirst();
        return numDeletedRows > 0n;
      }),
    revokeDevice: (id, at) =>
      db.transaction().execute(async (tx) => {
        await tx.updateTable('token').set({ revoked_at: at }).where('device_id', '=', id).execute();
        const { numUpdatedRows } = await tx
          .updateTable('device')
          .set({ status: 'revoked' })
          .where('id', '=', id)
          .executeTakeFirst();
        return numUpdatedRows > 0n;
      }),
    recordCheck: (id, check, offer, at) =>
      db.transaction().execute(async (tx) => {
        await tx
          .updateTable('device')
          .set({
            product: check.product,
            platform: check.platform,
            labels: JSON.stringify(check.labels),
            last_seen_at: at,
            updater_version: check.updaterVersion,
            current: check.current ? JSON.stringify(check.current) : null,
            counter_floor: check.counterFloor,
            phase: check.phase,
          })
          .where('id', '=', id)
          .execute();
        if (offer) await recordOffer(tx, id, offer, at);
      }),
    storeReports: (id, reports, place, at) =>
      db.transaction().execute((tx) => storeReports(tx, id, reports, place, at)),
    listReports: (id, limit) => listReports(db, id, limit),
  };
}

async function enrolDevice(tx: Transaction<FleetTables>, enrolment: Enrolment) {
  const { device, deviceToken, enrolmentTokenId, at } = enrolment;
  const known = await tx.selectFrom('device').selectAll().where('id', '=', device.id).executeTakeFirst();
  if (known) {
    const isRepeat = known.enrolled_by === enrolmentTokenId && known.last_seen_at === null;
    if (!isRepeat || known.status !== 'accepted') return 'device-exists';
    await tx.deleteFrom('token').where('device_id', '=', device.id).execute();
    await tx.insertInto('token').values(toRow(deviceToken)).execute();
    return 'repeated';
  }
  const token = await tx.selectFrom('token').select('uses_left').where('id', '=', enrolmentTokenId).executeTakeFirst();
  if (!token || token.uses_left === 0) return 'token-spent';
  if (token.uses_left !== null) {
    const left = token.uses_left - 1;
    await tx.updateTable('token').set({ uses_left: left }).where('id', '=', enrolmentTokenId).execute();
  }
  await tx
    .insertInto('device')
    .values({
      id: device.id,
      product: device.product,
      platform: device.platform,
      labels: JSON.stringify(device.labels),
      status: 'accepted',
      enrolled_at: at,
      enrolled_by: enrolmentTokenId,
      last_seen_at: null,
      updater_version: null,
      current: null,
      counter_floor: 0,
      phase: null,
      acknowledged_through: 0,
    })
    .execute();
  await tx.insertInto('token').values(toRow(deviceToken)).execute();
  return 'enrolled';
}

/** An offer of the same version again leaves its time alone, so that the device's time-out runs on. */
async function recordOffer(tx: Transaction<FleetTables>, deviceId: string, offer: OfferRecord, at: number) {
  await tx
    .insertInto('attempt')
    .values({
      rollout: offer.rollout,
      version: offer.version,
      device_id: deviceId,
      place: offer.place,
      offered_version: offer.offeredVersion,
      offered_at: at,
      phase: null,
      phase_sequence: 0,
      outcome: null,
      outcome_sequence: 0,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['rollout', 'version', 'device_id'])
        .doUpdateSet({ offered_version: offer.offeredVersion, offered_at: at })
        .where('attempt.offered_version', '!=', offer.offeredVersion),
    )
    .execute();
}

function fromRow(row: Selectable<FleetTables['device']>): DeviceRecord {
  return {
    id: row.id,
    product: row.product,
    platform: row.platform as Platform,
    labels: JSON.parse(row.labels) as Labels,
    status: row.status as DeviceRecord['status'],
    enrolledAt: row.enrolled_at,
    lastSeenAt: row.last_seen_at ?? undefined,
    updaterVersion: row.updater_version ?? undefined,
    current: row.current === null ? undefined : (JSON.parse(row.current) as InstalledRelease),
    counterFloor: row.counter_floor,
    phase: (row.phase ?? undefined) as DevicePhase | undefined,
    acknowledgedThrough: row.acknowledged_through,
  };
}
