/** Keeps attempts in the fleet database: what devices did with campaigns, one by one and counted. */
import { type Kysely, type Selectable, sql } from 'kysely';
import type { DevicePhase } from '../../../../contract/device-api/check.ts';
import type { UpdateOutcome } from '../../../../contract/device-api/report.ts';
import type { Fault } from '../../../../contract/errors.ts';
import {
  type CampaignAttempt,
  type CampaignKey,
  type OpenedWave,
  phasesAfterSwitch,
  phasesUnderWay,
} from '../../../rollout/campaign.ts';
import type { CountQuestion, HoldCount } from '../../../rollout/campaigns/ports.ts';
import { heldSilenceMs, noCounts, revertedCode, type Standing, type WaveCounts } from '../../../rollout/standing.ts';
import type { FleetTables } from '../fleet-tables.ts';
import { type DatabaseStep, firstOf, Prepared, rowsOf, type SlotOf, slots } from '../step.ts';
import type { CampaignRecords } from './campaign-records.ts';
import { count, type RowMark } from './wave-count.ts';

/** An attempt with the names of its campaign. */
export type AttemptRow = Selectable<FleetTables['attempt']> & { readonly rollout: string; readonly version: string };

export type AttemptRecords = ReturnType<typeof attemptRecords>;

export function attemptRecords(db: Kysely<FleetTables>, campaigns: CampaignRecords) {
  const ofDevice = Prepared.often({ device: 'bigint' }, (slot: SlotOf<'device'>) =>
    db.selectFrom('attempt').selectAll().where('device', '=', slot('device')),
  );
  const offering = Prepared.often(offeredTypes, (slot: SlotOf<OfferedColumn>) =>
    db
      .insertInto('attempt')
      .values({
        campaign: slot('campaign'),
        device: slot('device'),
        place: slot('place'),
        offered_version: slot('offered_version'),
        offered_at: slot('offered_at'),
        generation: slot('generation'),
        phase_sequence: sql.lit(0),
        outcome_sequence: sql.lit(0),
        bytes_sequence: sql.lit(0),
        reserved_slot: slot('reserved_slot'),
      })
      .onConflict((conflict) =>
        conflict.columns(['campaign', 'device']).doUpdateSet((eb) => ({
          place: eb.ref('excluded.place'),
          offered_version: eb.ref('excluded.offered_version'),
          offered_at: eb.ref('excluded.offered_at'),
          generation: eb.ref('excluded.generation'),
          reserved_slot: eb.ref('excluded.reserved_slot'),
          found_at: sql.lit(null),
        })),
      ),
  );
  const finding = Prepared.often(foundTypes, (slot: SlotOf<FoundColumn>) =>
    db
      .insertInto('attempt')
      .values({
        campaign: slot('campaign'),
        device: slot('device'),
        place: slot('place'),
        offered_at: sql.lit(0),
        found_at: slot('found_at'),
        generation: slot('generation'),
        phase_sequence: sql.lit(0),
        outcome_sequence: sql.lit(0),
        bytes_sequence: sql.lit(0),
      })
      .onConflict((conflict) =>
        conflict.columns(['campaign', 'device']).doUpdateSet((eb) => ({
          found_at: sql<number>`coalesce(attempt.found_at, excluded.found_at)`,
          generation: eb.ref('excluded.generation'),
        })),
      ),
  );
  const losing = Prepared.from((slot: SlotOf<'campaign' | 'device' | LostColumn>) =>
    db
      .updateTable('attempt')
      .set({
        found_at: sql.lit(null),
        code: sql.lit(null),
        outcome: slot('outcome'),
        fault: slot('fault'),
        settled_at: slot('settled_at'),
      })
      .where('campaign', '=', slot('campaign'))
      .where('device', '=', slot('device'))
      .where((eb) =>
        eb.or([
          eb.and([eb('found_at', 'is not', null), eb('outcome', 'is', null)]),
          eb('outcome', '=', sql.lit('committed')),
        ]),
      ),
  );
  const startingOver = Prepared.from((slot: SlotOf<'campaign' | 'device'>) =>
    db
      .updateTable('attempt')
      .set({
        phase: sql.lit(null),
        outcome: sql.lit(null),
        code: sql.lit(null),
        fault: sql.lit(null),
        settled_at: sql.lit(null),
      })
      .where('campaign', '=', slot('campaign'))
      .where('device', '=', slot('device')),
  );
  const reverting = Prepared.from((slot: SlotOf<'rollout' | 'version' | 'device' | 'at'>) =>
    db
      .updateTable('attempt')
      .set({ reverted_at: slot('at') })
      .where('device', '=', slot('device'))
      .where('campaign', '=', (eb) =>
        eb
          .selectFrom('campaign')
          .select('id')
          .where('rollout', '=', slot('rollout'))
          .where('version', '=', slot('version')),
      ),
  );
  return {
    *ofDevice(device: number): DatabaseStep<AttemptRow[]> {
      const rows = yield* ofDevice.rows({ device });
      const named: AttemptRow[] = [];
      for (const row of rows) named.push({ ...row, ...(yield* campaigns.keyOf(row.campaign)) });
      return named;
    },

    /** The first offer makes the attempt; a later one moves its time, and a retry forgets how the last try ended. */
    *offer(values: Readonly<Record<OfferedColumn, string | number | null>>, isRetry: boolean): DatabaseStep<void> {
      yield* offering.change(values);
      const { campaign, device } = values;
      if (isRetry) yield* startingOver.change({ campaign, device });
    },

    /** The first finding makes the attempt where there is none; one of a retry forgets how the last try ended. */
    *find(values: Readonly<Record<FoundColumn, number>>, isRetry: boolean): DatabaseStep<void> {
      yield* finding.change(values);
      const { campaign, device } = values;
      if (isRetry) yield* startingOver.change({ campaign, device });
    },

    /** The device does not run it any more. @param isFailure the device says that it failed there */
    *lose(campaign: number, device: number, isFailure: boolean, at: number): DatabaseStep<void> {
      const failed = { outcome: 'rolled-back', fault: 'release', settled_at: at };
      const open = { outcome: null, fault: null, settled_at: null };
      yield* losing.change({ campaign, device, ...(isFailure ? failed : open) });
    },

    *revert({ rollout, version }: CampaignKey, device: number, at: number): DatabaseStep<void> {
      yield* reverting.change({ rollout, version, device, at });
    },

    /** See CampaignStore.countWaves. The cases are those of standingOf and markOf, in their order. */
    *countWaves(
      key: CampaignKey,
      { waves, judgedFrom, deviceTimeoutSeconds, now }: CountQuestion,
    ): DatabaseStep<WaveCounts[]> {
      const { rollout, version } = key;
      const columns = db.selectFrom('campaign').select(['id', 'waves']);
      const campaign = yield* firstOf(columns.where('rollout', '=', rollout).where('version', '=', version));
      const counts = waves.map(() => ({ ...noCounts }));
      if (!campaign || waves.length === 0) return counts;
      const timedOut = sql.lit(now - deviceTimeoutSeconds * 1000);
      const gone = sql.lit(now - heldSilenceMs(deviceTimeoutSeconds));
      const list = (phases: readonly string[]) => sql.join(phases.map((phase) => sql.lit(phase)));
      const enrolledAt = sql`(select enrolled_at from device where device.number = attempt.device)`;
      const isCovered = ({ upTo, openedAt }: CountQuestion['waves'][number]) =>
        upTo >= 1
          ? sql`place < ${sql.lit(upTo)}`
          : sql`place < ${sql.lit(upTo)} and ${enrolledAt} <= ${sql.lit(openedAt)}`;
      const ofWave = (value: (index: number) => number) =>
        sql<number>`case ${sql.join(
          waves.map((wave, index) => sql`when ${isCovered(wave)} then ${sql.lit(value(index))}`),
          sql` `,
        )} end`;
      const lastSeen = sql`(select at from sighting where sighting.device = attempt.device)`;
      const committed = sql<number>`case when outcome is null then found_at when outcome = 'committed'
        then coalesce(settled_at, 0) end`;
      const standing = sql<Standing>`case
        when ${committed} is not null then 'committed'
        when outcome is not null and code = ${sql.lit(revertedCode)} then 'reverted'
        when outcome is not null and fault = 'release' then 'failed'
        when outcome is not null and ${lastSeen} <= ${gone} then 'unreachable'
        when outcome is not null and fault = 'path' then 'heldByPath'
        when outcome is not null then 'heldByDevice'
        when phase = 'staged' and ${lastSeen} > ${timedOut} then 'waiting'
        when phase = 'staged' then 'unreachable'
        when offered_at > ${timedOut} then 'pending'
        when phase in (${list(phasesUnderWay)}) and ${lastSeen} > ${timedOut} then 'pending'
        else 'unreachable' end`;
      const soakedBefore = ofWave((index) => now - (waves[index]?.soakSeconds ?? 0) * 1000);
      const mark = sql<RowMark>`case
        when ${committed} is not null then case when ${committed} <= ${soakedBefore} then 'soaked' else '' end
        when outcome is not null
          then case when coalesce(settled_at, 0) < ${sql.lit(judgedFrom ?? 0)} then 'forgiven' else '' end
        when phase in (${list(phasesAfterSwitch)}) then 'switched'
        when phase in (${list(phasesUnderWay)}) then 'working'
        else '' end`;
      const rows = yield* rowsOf(
        db
          .selectFrom('attempt')
          .select((eb) => [
            ofWave((index) => index).as('wave'),
            standing.as('standing'),
            mark.as('mark'),
            eb.fn.countAll<number>().as('devices'),
            sql<number | null>`min(${committed})`.as('earliest'),
          ])
          .where('campaign', '=', campaign.id)
          .where('place', '<', sql.lit(waves.at(-1)?.upTo ?? 0))
          .groupBy(['wave', 'standing', 'mark']),
      );
      for (const row of rows) {
        const slice = counts[row.wave];
        if (slice) count(slice, row, waves[row.wave]?.soakSeconds ?? 0);
      }
      const opened = JSON.parse(campaign.waves) as OpenedWave[];
      return counts.map((slice, index) => {
        const members = (opened[index]?.members ?? 0) - (opened[index - 1]?.members ?? 0);
        return { ...slice, members: Math.max(0, members) };
      });
    },

    /** See CampaignStore.countHolds. */
    *countHolds({ rollout, version }: CampaignKey, heardAfter: number): DatabaseStep<HoldCount[]> {
      const rows = yield* rowsOf(
        db
          .selectFrom('attempt')
          .innerJoin('campaign', 'campaign.id', 'attempt.campaign')
          .innerJoin('sighting', 'sighting.device', 'attempt.device')
          .select((eb) => ['fault', 'code', eb.fn.countAll<number>().as('devices')])
          .where('rollout', '=', rollout)
          .where('version', '=', version)
          .where('sighting.at', '>', heardAfter)
          .where('fault', 'in', ['device', 'path'])
          .where('outcome', 'is not', null)
          .groupBy(['fault', 'code'])
          .orderBy('devices', 'desc')
          .orderBy('code'),
      );
      return rows.map(({ fault, code, devices }) => ({
        fault: fault as HoldCount['fault'],
        code: code ?? 'unknown',
        devices,
      }));
    },
  };
}

type LostColumn = 'outcome' | 'fault' | 'settled_at';

const foundTypes = {
  ...slots('bigint', 'campaign', 'device', 'generation', 'found_at'),
  ...slots('double precision', 'place'),
};
type FoundColumn = keyof typeof foundTypes;

const offeredTypes = {
  ...slots('bigint', 'campaign', 'device', 'generation', 'offered_at', 'reserved_slot'),
  ...slots('double precision', 'place'),
  ...slots('text', 'offered_version'),
};
type OfferedColumn = keyof typeof offeredTypes;

/** @param lastSeenAt of the device */
export function attemptOfRow(row: AttemptRow, deviceId: string, lastSeenAt: number | null): CampaignAttempt {
  return {
    rollout: row.rollout,
    version: row.version,
    deviceId,
    place: row.place,
    offeredVersion: row.offered_version ?? row.version,
    offeredAt: row.offered_at === 0 ? undefined : row.offered_at,
    foundAt: row.found_at ?? undefined,
    generation: row.generation,
    phase: (row.phase ?? undefined) as DevicePhase | undefined,
    outcome: (row.outcome ?? undefined) as UpdateOutcome | undefined,
    code: row.code ?? undefined,
    fault: (row.fault ?? undefined) as Fault | undefined,
    settledAt: row.settled_at ?? undefined,
    revertedAt: row.reverted_at ?? undefined,
    bytesOnWire: row.bytes_on_wire ?? undefined,
    lastSeenAt: lastSeenAt ?? row.found_at ?? row.offered_at,
  };
}
