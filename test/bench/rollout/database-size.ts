/** How large the embedded database gets: every device goes through one rollout after the other, with all its reports. */
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import type { DevicePhase } from '../../../contract/device-api/check.ts';
import type { Report } from '../../../contract/device-api/report.ts';
import { openSqliteFleetState } from '../../../distributor/adapters/database/sqlite/fleet-state.ts';
import type { FleetState } from '../../../distributor/fleet/ports.ts';
import type { Decision } from '../../../distributor/rollout/decision.ts';
import { anyReport } from '../../fakes/fleet-facts.ts';
import { arrivalOf, deviceName } from './fleet-on-disk.ts';

export interface DatabaseSize {
  readonly devices: number;
  readonly rollouts: number;
  readonly bytes: number;
  readonly bytesPerDevice: number;
}

const together = 2000;
const dayMs = 24 * 3600 * 1000;
const phases: readonly DevicePhase[] = ['downloading', 'rebuilding', 'staged', 'switching', 'probation', 'committed'];

/** @param folder of a state that knows `devices` devices already */
export async function measureDatabaseSize(folder: string, devices: number, rollouts: number): Promise<DatabaseSize> {
  const fleet = await openSqliteFleetState(folder);
  for (let number = 1; number <= rollouts; number++) {
    for (let from = 0; from < devices; from += together) {
      const indices = Array.from({ length: Math.min(together, devices - from) }, (_, i) => from + i);
      await Promise.all(indices.map((index) => updateOnce(fleet, index, number)));
    }
  }
  await fleet.prune({ plans: 20, attemptDays: 90, eventDays: 400 }, Date.now());
  await fleet.close();
  const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);
  return { devices, rollouts, bytes, bytesPerDevice: Math.round(bytes / devices) };
}

/** One offer, and the six reports of an update that ends well. */
async function updateOnce(fleet: FleetState, index: number, number: number): Promise<void> {
  const deviceId = deviceName(index);
  const version = `2.${number}.0`;
  const rollout = `shop-2-${number}`;
  const at = Date.now() - (10 - number) * dayMs;
  await fleet.answerCheck(arrivalOf(index, at), () => offerOf(rollout, version, placeOf(index)));
  const reports = phases.map((phase, step): Report => {
    const sequence = (number - 1) * phases.length + step + 1;
    const common = { sequence, at: new Date(at).toISOString(), attempt: `${deviceId}-${number}`, rollout, version };
    if (phase !== 'committed') return { ...common, phase };
    const transfer = { bytesOnWire: 180_000 + index, fullBytes: 70_000_000, resumedFrom: 0 };
    return { ...common, phase, outcome: 'committed', transfer };
  });
  await fleet.storeReports(deviceId, reports, anyReport, at);
}

/** Devices stand in a line by their numbers; those above 100,000 share it. */
function placeOf(index: number): number {
  return (index % 100_000) / 100_000;
}

/** As much of a decision as the state records. */
function offerOf(rollout: string, version: string, place: number): Decision {
  const release = { version };
  const facts = {};
  return {
    ...{ kind: 'update', reason: 'rollout-open', rollout: { name: rollout }, wave: 'all', place },
    ...{ goal: release, release, isRetry: false, window: undefined, generation: 0, facts },
  } as unknown as Decision;
}
