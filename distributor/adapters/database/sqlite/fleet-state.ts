/** Keeps the fleet's state in one SQLite file: durable at each commit, shared by one server and the command line. */
import type { FleetState, KeptReports } from '../../../fleet/ports.ts';
import { fleetState } from '../fleet-state.ts';
import { openSqliteDatabase, type SqliteUse } from './database.ts';

/**
 * Opens `fleet.sqlite` in a folder, and brings its tables up to date.
 * @throws SlipwayError `database-unavailable`, `database-damaged`, `state-missing`, `already-running`
 */
export async function openSqliteFleetState(
  folder: string,
  { mayMake = true, holdsAlone = false, ...kept }: KeptReports & Partial<SqliteUse> = {},
): Promise<FleetState> {
  return fleetState(await openSqliteDatabase(folder, { mayMake, holdsAlone }), kept);
}
