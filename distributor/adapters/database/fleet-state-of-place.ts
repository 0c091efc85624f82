/**
 * Opens the database that a place means: a folder is SQLite's, a URL PostgreSQL's. Only the client that it needs is
 * loaded.
 */
import type { FleetState, StateUse } from '../../fleet/ports.ts';

/** @throws SlipwayError `database-unavailable`, `database-damaged`, `state-missing`, `already-running` */
export async function openFleetState(place: string, { isServer, ...kept }: StateUse): Promise<FleetState> {
  const isUrl = /^postgres(ql)?:/.test(place);
  if (isUrl) {
    const { openPostgresFleetState } = await import('./postgres/fleet-state.ts');
    return openPostgresFleetState(place, { ...kept, mayMake: isServer });
  }
  const { openSqliteFleetState } = await import('./sqlite/fleet-state.ts');
  return openSqliteFleetState(place, { ...kept, mayMake: isServer, holdsAlone: isServer });
}
