/** Attempts in the fleet database: what devices did with campaigns, one by one and counted. */
import { type Kysely, type Selectable, sql } from 'kysely';
import type { DevicePhase } from '../../contract/device-api/check.ts';
import type { UpdateOutcome } from '../../contract/device-api/report.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import {
  type Attempt,
  type CampaignKey,
  noCounts,
  type OpenedWave,
  phasesAfterSwitch,
  phasesUnderWay,
  type Standing,
  type WaveCounts,
} from '../rollout/campaign.ts';
import type { CampaignRecords } from './campaign-records.ts';
import type { FleetTables } from './fleet-tables.ts';
import { firstOf, Prepared, rowsOf, type SlotOf, type Step } from './step.ts';

/** An attempt with the names of its campaign. */
export type AttemptRow = Selectable<FleetTables['attempt']> & { readonly rollout: string; readonly version: string };

export type AttemptRecords = ReturnType<typeof attemptRecords>;

export function attemptRecords(db: Kysely<FleetTables>, campaigns: CampaignRecords) {
  const ofDevice = Prepared.from((slot: SlotOf<'device'>) =>
    db.selectFrom('attempt').selectAll().where('device', '=', slot('device')),
  );
  const offering = Prepared.from((slot: SlotOf<OfferedColumn>) =>
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
  const finding = Prepared.from((slot: SlotOf<FoundColumn>) =>
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
  const losing = Prepared.from((slot: SlotOf<'campaign' | 'device' | 'outcome'>) =>
    db
      .updateTable('attempt')
      .set({ found_at: sql.lit(null), outcome: slot('outcome') })
      .where('campaign', '=', slot('campaign'))
      .where('device', '=', slot('device'))
      .where('found_at', 'is not', null)
      .where('outcome', 'is', null),
  );
  const startingOver = Prepared.from((slot: SlotOf<'campaign' | 'device'>) =>
    db
      .updateTable('attempt')
      .set({ phase: sql.lit(null), outcome: sql.lit(null), code: sql.lit(null) })
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
    *ofDevice(device: number): Step<AttemptRow[]> {
      const rows = yield* ofDevice.rows({ device });
      const named: AttemptRow[] = [];
      for (const row of rows) named.push({ ...row, ...(yield* campaigns.keyOf(row.campaign)) });
      return named;
    },

    /** The first offer makes the attempt; a later one moves its time, and a retry forgets how the last try ended. */
    *offer(values: Readonly<Record<OfferedColumn, string | number | null>>, isRetry: boolean): Step<void> {
      yield* offering.affected(values);
      const { campaign, device } = values;
      if (isRetry) yield* startingOver.affected({ campaign, device });
    },

    /** The first finding makes the attempt where there is none; one of a retry forgets how the last try ended. */
    *find(values: Readonly<Record<FoundColumn, number>>, isRetry: boolean): Step<void> {
      yield* finding.affected(values);
      const { campaign, device } = values;
      if (isRetry) yield* startingOver.affected({ campaign, device });
    },

    /** The device does not run it any more. @param outcome null where nothing failed */
    *lose(campaign: number, device: number, outcome: UpdateOutcome | null): Step<void> {
      yield* losing.affected({ campaign, device, outcome });
    },

    *revert({ rollout, version }: CampaignKey, device: number, at: number): Step<void> {
      yield* reverting.affected({ rollout, version, device, at });
    },

    /** See CampaignStore.countWaves. The cases are those of standingOf, in its order. */
    *countWaves(key: CampaignKey, bounds: readonly number[], now: number, timeoutSeconds: number): Step<WaveCounts[]> {
      const { rollout, version } = key;
      const columns = db.selectFrom('campaign').select(['id', 'waves']);
      const campaign = yield* firstOf(columns.where('rollout', '=', rollout).where('version', '=', version));
      const counts = bounds.map(() => ({ ...noCounts }));
      if (!campaign || bounds.length === 0) return counts;
      const timedOut = now - timeoutSeconds * 1000;
      const list = (phases: readonly string[]) => sql.join(phases.map((phase) => sql.lit(phase)));
      const lastSeen = sql`(select at from sighting where sighting.device = attempt.device)`;
      const standing = sql<Standing>`case
        when outcome = 'committed' then 'committed'
        when outcome is not null then 'failed'
        when found_at is not null then 'committed'
        when phase = 'staged' then 'unreachable'
        when offered_at > ${sql.lit(timedOut)} then 'pending'
        when phase in (${list(phasesUnderWay)}) and ${lastSeen} > ${sql.lit(timedOut)} then 'pending'
        when phase in (${list(phasesAfterSwitch)}) then 'failed'
        else 'unreachable' end`;
      const wave = sql<number>`case ${sql.join(
        bounds.map((bound, index) => sql`when place < ${sql.lit(bound)} then ${sql.lit(index)}`),
        sql` `,
      )} end`;
      const rows = yield* rowsOf(
        db
          .selectFrom('attempt')
          .select((eb) => [wave.as('wave'), standing.as('standing'), eb.fn.countAll<number>().as('devices')])
          .where('campaign', '=', campaign.id)
          .where('place', '<', sql.lit(bounds.at(-1) ?? 0))
          .groupBy(['wave', 'standing']),
      );
      for (const row of rows) {
        const slice = counts[row.wave];
        if (slice) slice[row.standing] += row.devices;
      }
      const opened = JSON.parse(campaign.waves) as OpenedWave[];
      return counts.map((slice, index) => {
        const members = (opened[index]?.members ?? 0) - (opened[index - 1]?.members ?? 0);
        return { ...slice, members: Math.max(0, members) };
      });
    },
  };
}

type OfferedColumn =
  | 'campaign'
  | 'device'
  | 'place'
  | 'offered_version'
  | 'offered_at'
  | 'generation'
  | 'reserved_slot';

type FoundColumn = 'campaign' | 'device' | 'place' | 'generation' | 'found_at';

/** @param lastSeenAt of the device */
export function attemptOf(row: AttemptRow, deviceId: string, lastSeenAt: number | null): Attempt {
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
    code: (row.code ?? undefined) as ErrorCode | undefined,
    revertedAt: row.reverted_at ?? undefined,
    bytesOnWire: row.bytes_on_wire ?? undefined,
    lastSeenAt: lastSeenAt ?? row.found_at ?? row.offered_at,
  };
}
