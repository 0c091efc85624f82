/** Opens the database that a place means: a folder is SQLite's, a URL PostgreSQL's. */
import type { FleetState, StateUse } from '../../fleet/ports.ts';
import { openPostgresFleetState } from './postgres/fleet-state.ts';
import { openSqliteFleetState } from './sqlite/fleet-state.ts';

/** @throws SlipwayError `database-unavailable`, `database-damaged`, `state-missing`, `already-running` */
export function openFleetState(place: string, { isServer, ...kept }: StateUse): Promise<FleetState> {
  const isUrl = /^postgres(ql)?:/.test(place);
  if (isUrl) return openPostgresFleetState(place, { ...kept, mayMake: isServer });
  return openSqliteFleetState(place, { ...kept, mayMake: isServer, holdsAlone: isServer });
}
