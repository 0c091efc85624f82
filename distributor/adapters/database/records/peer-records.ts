/** Finds the neighbours of a device in the fleet database: those of its site and of its cluster. */
import { type Kysely, sql } from 'kysely';
import { devicePhases } from '../../../../contract/device-api/check.ts';
import type { Role } from '../../../fleet/location.ts';
import type { FactsQuestion } from '../../../fleet/ports.ts';
import type { Peer } from '../../../rollout/deciding/decide-input.ts';
import type { FleetTables } from '../fleet-tables.ts';
import { type DatabaseStep, Prepared, type SlotOf, slots } from '../step.ts';

const settledPhases: readonly string[] = ['idle', 'committed', 'rolled-back'];
const unsettledPhases = devicePhases.filter((phase) => !settledPhases.includes(phase));

export type PeerRecords = ReturnType<typeof peerRecords>;

export function peerRecords(db: Kysely<FleetTables>) {
  const open = (since: ReturnType<SlotOf<'since'>>) =>
    sql<number>`case when
      (device.phase in (${sql.join(unsettledPhases.map((phase) => sql.lit(phase)))}) and sighting.at > ${since})
      or exists (select 1 from attempt
        where attempt.device = device.number and attempt.outcome is null and attempt.found_at is null
          and attempt.offered_at > ${since})
      then 1 else 0 end`;
  const types = { ...slots('bigint', 'device', 'since'), ...slots('text', 'site', 'cluster') };
  const near = Prepared.often(types, (slot: SlotOf<keyof typeof types>) =>
    db
      .selectFrom('device')
      .leftJoin('sighting', 'sighting.device', 'device.number')
      .select(['device.id', 'product', 'site', 'cluster', 'role', 'current_version', 'sighting.at'])
      .select(open(slot('since')).as('is_updating'))
      .where((eb) => eb.or([eb('device.cluster', '=', slot('cluster')), eb('device.site', '=', slot('site'))]))
      .where('status', '=', 'accepted')
      .where('device.number', '!=', slot('device')),
  );
  return {
    *of(device: number, question: FactsQuestion): DatabaseStep<Peer[]> {
      const { site = null, cluster = null, at, peerTimeoutSeconds } = question;
      if (site === null && cluster === null) return [];
      const rows = yield* near.rows({ device, site, cluster, since: at - peerTimeoutSeconds * 1000 });
      return rows.map((row) => ({
        id: row.id,
        product: row.product,
        site: row.site ?? undefined,
        cluster: row.cluster ?? undefined,
        role: row.role as Role,
        current: row.current_version ?? undefined,
        isUpdating: row.is_updating === 1,
        lastSeenAt: row.at ?? undefined,
      }));
    },
  };
}
