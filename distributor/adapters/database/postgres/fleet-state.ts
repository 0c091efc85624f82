/** Keeps the fleet's state in a PostgreSQL database, shared by several replicas of the server and the command line. */
import type { FleetState, KeptReports } from '../../../fleet/ports.ts';
import { fleetState } from '../fleet-state.ts';
import { openPostgresDatabase } from './database.ts';

/**
 * @param url postgres://user:password@host:port/name; what it leaves out comes from PGUSER, PGPASSWORD and so on
 * @throws SlipwayError `database-unavailable`, `state-missing`
 */
export async function openPostgresFleetState(
  url: string,
  { mayMake = true, ...kept }: KeptReports & { readonly mayMake?: boolean } = {},
): Promise<FleetState> {
  return fleetState(await openPostgresDatabase(url, mayMake), kept);
}
