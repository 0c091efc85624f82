/** The fleet's state in one SQLite file: durable at each commit, shared by the server and the command line. */
import type { FleetState, KeptReports } from '../fleet/ports.ts';
import { fleetState } from './fleet-state.ts';
import { openSqliteDatabase } from './sqlite-database.ts';

/**
 * Opens `fleet.sqlite` in a folder that is made when missing, and brings its tables up to date.
 * @throws SlipwayError `database-unavailable`
 */
export async function openSqliteFleetState(folder: string, kept: KeptReports = {}): Promise<FleetState> {
  return fleetState(await openSqliteDatabase(folder), kept);
}
