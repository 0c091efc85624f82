/**
 * Reads devices in the fleet database as operators ask for them: beside each its last report and what it was offered
 * last.
 */
import { type Kysely, sql } from 'kysely';
import type { Fault } from '../../../../contract/errors.ts';
import type { DevicePage } from '../../../fleet/device-page.ts';
import type { DeviceProfile, TroubleCount } from '../../../fleet/ports.ts';
import type { FleetTables } from '../fleet-tables.ts';
import { type DatabaseStep, firstOf, rowsOf } from '../step.ts';
import { deviceOf, type SeenDeviceRow } from './device-records.ts';
import { type ReportRow, reportColumns, reportOf } from './report-records.ts';

/** Columns of the last report stand beside those of the device under this name. */
const prefix = 'last_report_';

type ProfileRow = SeenDeviceRow & { readonly last_offer: string | null };

export function profileRecords(db: Kysely<FleetTables>) {
  const profiles = db
    .selectFrom('device')
    .leftJoin('report', (join) =>
      join.onRef('report.device', '=', 'device.number').on('report.sequence', '=', (eb) =>
        eb
          .selectFrom('report as one')
          .select((of) => of.fn.max('one.sequence').as('last'))
          .whereRef('one.device', '=', 'device.number'),
      ),
    )
    .selectAll('device')
    .select((eb) => [
      eb
        .selectFrom('sighting')
        .select('sighting.at')
        .whereRef('sighting.device', '=', 'device.number')
        .as('last_seen_at'),
      // Names and versions hold no space.
      sql<string | null>`(select campaign.rollout || ' ' || campaign.version
        from attempt join campaign on campaign.id = attempt.campaign
        where attempt.device = device.number and attempt.offered_at > 0
        order by attempt.offered_at desc, campaign.id desc limit 1)`.as('last_offer'),
    ])
    .select(reportColumns.map((name) => sql.ref(`report.${name}`).as(`${prefix}${name}`)));
  return {
    *find(id: string): DatabaseStep<DeviceProfile | undefined> {
      const row = yield* firstOf(profiles.where('device.id', '=', id));
      return row && profileOf(row);
    },

    *list({ after = '', limit }: DevicePage): DatabaseStep<DeviceProfile[]> {
      const query = profiles.where('device.id', '>', after).orderBy('device.id').limit(limit);
      return (yield* rowsOf(query)).map(profileOf);
    },

    *countTroubles(): DatabaseStep<TroubleCount[]> {
      const rows = yield* rowsOf(
        db
          .selectFrom('device')
          .select((eb) => ['trouble_codes', eb.fn.countAll<number>().as('devices')])
          .where('trouble_codes', 'is not', null)
          .where('status', '=', 'accepted')
          .groupBy('trouble_codes'),
      );
      const counts = new Map<string, number>();
      for (const { trouble_codes: codes, devices } of rows) {
        for (const code of codes?.split(' ') ?? []) counts.set(code, (counts.get(code) ?? 0) + devices);
      }
      return [...counts].map(([text, devices]) => {
        const [fault, code = ''] = text.split('/');
        return { code, fault: fault as Fault, devices };
      });
    },
  };
}

function profileOf(row: ProfileRow): DeviceProfile {
  const columns = row as unknown as Readonly<Record<string, unknown>>;
  const report = Object.fromEntries(reportColumns.map((name) => [name, columns[`${prefix}${name}`]]));
  const [rollout, version] = row.last_offer?.split(' ') ?? [];
  return {
    ...deviceOf(row),
    lastReport: report.sequence === null ? undefined : reportOf(report as ReportRow),
    lastOffer: rollout === undefined || version === undefined ? undefined : { rollout, version },
  };
}
