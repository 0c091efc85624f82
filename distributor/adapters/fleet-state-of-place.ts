/** Which database a place means: a folder is SQLite's, a URL PostgreSQL's. */
import type { FleetState, KeptReports } from '../fleet/ports.ts';

import { openPostgresFleetState } from './postgres-fleet-state.ts';
import { openSqliteFleetState } from './sqlite-fleet-state.ts';

/** @throws SlipwayError `database-unavailable` */
export function openFleetState(place: string, kept: KeptReports = {}): Promise<FleetState> {
  const isUrl = /^postgres(ql)?:/.test(place);
  return isUrl ? openPostgresFleetState(place, kept) : openSqliteFleetState(place, kept);
}
