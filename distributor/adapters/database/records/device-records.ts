/** Keeps devices and their enrolment in the fleet database. */
import { type Kysely, type Selectable, sql } from 'kysely';
import type { ToldBox } from '../../../../contract/device-api/box.ts';
import type { DevicePhase, Labels, Trouble } from '../../../../contract/device-api/check.ts';
import type { Digest } from '../../../../contract/digest.ts';
import type { Platform } from '../../../../contract/release/platform.ts';
import type { DevicePage, Member } from '../../../fleet/device-page.ts';
import { afterDecision } from '../../../fleet/identity/acceptance.ts';
import type {
  DeviceStatus,
  KeyOutcome,
  SignIn,
  SignInOutcome,
  StatusOutcome,
} from '../../../fleet/identity/identity-ports.ts';
import type { MachineWatch } from '../../../fleet/identity/machine-watch.ts';
import { type SeenNonce, takeNonce } from '../../../fleet/identity/nonces.ts';
import type { Role } from '../../../fleet/location.ts';
import type { DeviceRecord, Enrolment, EnrolmentOutcome } from '../../../fleet/ports.ts';
import type { CampaignKey } from '../../../rollout/campaign.ts';
import type { FleetTables } from '../fleet-tables.ts';
import { affectedBy, type DatabaseStep, firstOf, Prepared, rowsOf, type SlotOf } from '../step.ts';
import { toRow } from './token-records.ts';

/** A device with when it was heard last. */
export type SeenDeviceRow = Selectable<FleetTables['device']> & { readonly last_seen_at: number | null };

/** With the mark of what is in force beside it. */
export type DeviceRow = SeenDeviceRow & {
  readonly revision: number;
  readonly plan_sha256: string | null;
};

export type DeviceRecords = ReturnType<typeof deviceRecords>;

export function deviceRecords(db: Kysely<FleetTables>) {
  const seen = db
    .selectFrom('device')
    .selectAll('device')
    .select((eb) => [
      eb.selectFrom('sighting').select('at').whereRef('sighting.device', '=', 'device.number').as('last_seen_at'),
      eb.selectFrom('in_force').select('revision').$asScalar().$notNull().as('revision'),
      eb.selectFrom('in_force').select('plan_sha256').as('plan_sha256'),
    ]);
  const byId = Prepared.often({ id: 'text' }, (slot: SlotOf<'id'>) => seen.where('device.id', '=', slot('id')));
  const sighting = Prepared.often({ device: 'bigint', at: 'bigint' }, (slot: SlotOf<'device' | 'at'>) =>
    db
      .insertInto('sighting')
      .values({ device: slot('device'), at: slot('at') })
      .onConflict((conflict) => conflict.column('device').doUpdateSet((eb) => ({ at: eb.ref('excluded.at') }))),
  );
  const members = db
    .selectFrom('device')
    .select(['id', 'labels', 'given_labels', 'enrolled_at', 'current_version'])
    .where('status', '=', 'accepted');
  return {
    row: (id: string): DatabaseStep<DeviceRow | undefined> => byId.first({ id }),

    *find(id: string): DatabaseStep<DeviceRecord | undefined> {
      const row = yield* byId.first({ id });
      return row && deviceOf(row);
    },

    *sight(device: number, at: number): DatabaseStep<void> {
      yield* sighting.change({ device, at });
    },

    *count(): DatabaseStep<number> {
      const row = yield* firstOf(db.selectFrom('device').select((eb) => eb.fn.countAll<number>().as('n')));
      return row?.n ?? 0;
    },

    *membersOf(product: string, { after = '', limit }: DevicePage, saying?: string): DatabaseStep<Member[]> {
      let query = members.where('product', '=', product).where('id', '>', after);
      if (saying !== undefined) {
        const name = JSON.stringify(saying).replaceAll(/[!%_]/g, '!$&');
        const pattern = `%${name}:%`;
        query = query.where(
          sql<boolean>`(labels like ${pattern} escape '!' or given_labels like ${pattern} escape '!')`,
        );
      }
      return (yield* rowsOf(query.orderBy('id').limit(limit))).map(memberOf);
    },

    /** See UnaskedStore. */
    *unaskedOf(key: CampaignKey, product: string, { after = '', limit }: DevicePage): DatabaseStep<Member[]> {
      const campaign = yield* firstOf(
        db.selectFrom('campaign').select('id').where('rollout', '=', key.rollout).where('version', '=', key.version),
      );
      if (!campaign) return yield* this.membersOf(product, { after, limit });
      const query = members.where('product', '=', product).where('id', '>', after);
      const unasked = query.where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom('attempt')
              .select('attempt.device')
              .where('attempt.campaign', '=', campaign.id)
              .whereRef('attempt.device', '=', 'device.number'),
          ),
        ),
      );
      return (yield* rowsOf(unasked.orderBy('id').limit(limit))).map(memberOf);
    },

    *enrol(enrolment: Enrolment): DatabaseStep<EnrolmentOutcome> {
      const { device, status, publicKey, deviceToken, enrolmentTokenId, at } = enrolment;
      const known = yield* byId.first({ id: device.id });
      if (known) {
        const isRepeat = known.enrolled_by === enrolmentTokenId && known.last_seen_at === null;
        if (!isRepeat || !['accepted', 'pending'].includes(known.status)) return 'device-exists';
        const keyed = db.updateTable('device').set({ public_key: publicKey ?? null });
        yield* affectedBy(keyed.where('number', '=', known.number));
        yield* affectedBy(db.deleteFrom('token').where('device_id', '=', device.id));
        yield* affectedBy(db.insertInto('token').values(toRow(deviceToken)));
        return 'repeated';
      }
      const isEnrolling = db.updateTable('token').where('id', '=', enrolmentTokenId);
      const spent = yield* affectedBy(
        isEnrolling
          .set({ uses_left: sql<number | null>`uses_left - 1`, last_used_at: at })
          .where((eb) => eb.or([eb('uses_left', 'is', null), eb('uses_left', '>', 0)])),
      );
      if (spent === 0) return 'token-spent';
      const { id, product, platform, labels, givenLabels } = device;
      const inserted = yield* affectedBy(
        db
          .insertInto('device')
          .values({
            id,
            product,
            platform,
            labels: JSON.stringify(labels),
            given_labels: givenText(givenLabels),
            status,
            public_key: publicKey ?? null,
            role: 'server',
            enrolled_at: at,
            enrolled_by: enrolmentTokenId,
            counter_floor: 0,
            acknowledged_through: 0,
          })
          .onConflict((conflict) => conflict.column('id').doNothing()),
      );
      if (inserted === 0) throw new TypeError(`device ${id} appeared while it was enrolled`);
      yield* affectedBy(db.insertInto('token').values(toRow(deviceToken)));
      return 'enrolled';
    },

    *forget(id: string): DatabaseStep<boolean> {
      const known = yield* byId.first({ id });
      if (!known) return false;
      yield* affectedBy(db.deleteFrom('token').where('device_id', '=', id));
      yield* affectedBy(
        db
          .updateTable('spending')
          .set({ reserved: sql<number>`reserved - 1` })
          .where((eb) =>
            eb.exists(
              eb
                .selectFrom('attempt')
                .select('attempt.device')
                .whereRef('attempt.campaign', '=', 'spending.campaign')
                .whereRef('attempt.reserved_slot', '=', 'spending.slot')
                .where('attempt.device', '=', known.number),
            ),
          ),
      );
      for (const table of ['report', 'attempt', 'sighting'] as const) {
        yield* affectedBy(db.deleteFrom(table).where('device', '=', known.number));
      }
      yield* affectedBy(db.deleteFrom('device').where('number', '=', known.number));
      return true;
    },

    *registerKey(id: string, publicKey: string): DatabaseStep<KeyOutcome> {
      const row = yield* byId.first({ id });
      if (!row) return 'unknown';
      if (row.public_key !== null) return row.public_key === publicKey ? 'known' : 'another-key';
      const registering = db.updateTable('device').set({ public_key: publicKey });
      yield* affectedBy(registering.where('number', '=', row.number));
      return 'registered';
    },

    *signIn({ deviceId, publicKey, bearer, at, ...signed }: SignIn): DatabaseStep<SignInOutcome> {
      const row = yield* byId.first({ id: deviceId });
      if (row?.status !== 'accepted' || row.public_key !== publicKey) return 'not-accepted';
      const seen = row.nonces === null ? [] : (JSON.parse(row.nonces) as SeenNonce[]);
      const nonces = takeNonce(seen, signed, at);
      if (typeof nonces === 'string') return nonces;
      const noting = db.updateTable('device').set({ nonces: JSON.stringify(nonces) });
      yield* affectedBy(noting.where('number', '=', row.number));
      const ended = db.deleteFrom('token').where('device_id', '=', deviceId);
      yield* affectedBy(ended.where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '<=', at)])));
      yield* affectedBy(db.insertInto('token').values(toRow(bearer)));
      return 'signed-in';
    },

    *decide(id: string, status: 'accepted' | 'rejected', at: number): DatabaseStep<StatusOutcome> {
      const row = yield* byId.first({ id });
      if (!row) return 'unknown';
      const outcome = afterDecision(row.status as DeviceStatus, status);
      // Whoever accepts it says that the machine which asks next is the right one.
      if (outcome === 'same' && watchOf(row)?.sharedAt !== undefined) {
        yield* affectedBy(db.updateTable('device').set({ watch: null }).where('number', '=', row.number));
        // Those of the other machine stand against nothing any more.
        yield* affectedBy(db.deleteFrom('report').where('device', '=', row.number));
        return 'done';
      }
      if (outcome !== 'done') return outcome;
      yield* affectedBy(db.updateTable('device').set({ status, enrolled_at: at }).where('number', '=', row.number));
      return outcome;
    },

    *keepWatch(id: string, watch: MachineWatch): DatabaseStep<boolean> {
      const keeping = db
        .updateTable('device')
        .set({ watch: JSON.stringify(watch) })
        .where('id', '=', id);
      return (yield* affectedBy(keeping)) > 0;
    },

    *giveLabels(id: string, labels: Labels): DatabaseStep<boolean> {
      const giving = db
        .updateTable('device')
        .set({ given_labels: givenText(labels) })
        .where('id', '=', id);
      return (yield* affectedBy(giving)) > 0;
    },

    *revoke(id: string, at: number): DatabaseStep<boolean> {
      const revoking = db.updateTable('token').set({ revoked_at: at }).where('device_id', '=', id);
      yield* affectedBy(revoking.where('revoked_at', 'is', null));
      return (yield* affectedBy(db.updateTable('device').set({ status: 'revoked' }).where('id', '=', id))) > 0;
    },
  };
}

function memberOf(
  row: Pick<Selectable<FleetTables['device']>, 'id' | 'labels' | 'given_labels' | 'enrolled_at' | 'current_version'>,
): Member {
  return {
    id: row.id,
    labels: JSON.parse(row.labels) as Labels,
    givenLabels: givenOf(row.given_labels),
    enrolledAt: row.enrolled_at,
    current: row.current_version ?? undefined,
  };
}

const noLabels: Labels = {};

function givenOf(text: string | null): Labels {
  return text === null ? noLabels : (JSON.parse(text) as Labels);
}

function givenText(labels: Labels): string | null {
  return Object.keys(labels).length === 0 ? null : JSON.stringify(labels);
}

function watchOf({ watch }: Pick<SeenDeviceRow, 'watch'>): MachineWatch | undefined {
  return watch === null ? undefined : (JSON.parse(watch) as MachineWatch);
}

/** Enrolments of one device come one after the other. */
export const enrolmentLock = (id: string): string => `enrol ${id}`;

export function deviceOf(row: SeenDeviceRow): DeviceRecord {
  const { current_version: version, current_counter: counter, current_sha256: manifestSha256 } = row;
  const isInstalled = version !== null && counter !== null && manifestSha256 !== null;
  return {
    id: row.id,
    product: row.product,
    platform: row.platform as Platform,
    labels: JSON.parse(row.labels) as Labels,
    givenLabels: givenOf(row.given_labels),
    status: row.status as DeviceStatus,
    publicKey: row.public_key ?? undefined,
    enrolledAt: row.enrolled_at,
    site: row.site ?? undefined,
    cluster: row.cluster ?? undefined,
    role: row.role as Role,
    lastSeenAt: row.last_seen_at ?? undefined,
    updaterVersion: row.updater_version ?? undefined,
    current: isInstalled ? { version, counter, manifestSha256: manifestSha256 as Digest } : undefined,
    counterFloor: row.counter_floor,
    phase: (row.phase ?? undefined) as DevicePhase | undefined,
    rejected: row.rejected === null ? [] : (JSON.parse(row.rejected) as Digest[]),
    acknowledgedThrough: row.acknowledged_through,
    troubles: row.troubles === null ? undefined : (JSON.parse(row.troubles) as Trouble[]),
    watch: watchOf(row),
    box: row.box === null ? undefined : (JSON.parse(row.box) as ToldBox),
  };
}
