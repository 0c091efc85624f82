/** Writes what a device says of itself when it asks what to run. */
import { boxSchema } from '../../contract/device-api/box.ts';
import type { CheckRequest, DeltaPolicy, Labels, MachineFacts, Trouble } from '../../contract/device-api/check.ts';
import type { Safeguards } from '../../contract/device-api/safeguards.ts';
import type { Box } from '../box/box.ts';
import type { AcceptingDevice } from './acceptance.ts';
import type { DeviceState } from './state.ts';

/** What a device knows of itself without its journal. */
export interface AskingDevice extends AcceptingDevice {
  readonly labels: Labels;
  readonly machine?: MachineFacts | undefined;
  readonly safeguards?: Safeguards | undefined;
}

export function checkRequestOf(
  state: DeviceState,
  facts: AskingDevice,
  deltaPolicy: DeltaPolicy,
  troubles: readonly Trouble[],
  box?: Box,
): CheckRequest {
  const { current, counterFloor, update, rejected } = state;
  const { updaterVersion, product, platform, labels } = facts;
  return {
    schemaVersion: 2,
    updaterVersion,
    product,
    platform,
    current,
    counterFloor,
    phase: update.phase,
    rejected: rejected.map((entry) => entry.manifestSha256),
    labels,
    deltaPolicy,
    troubles: [...troubles],
    // A name that is longer than the contract allows must not cost the device its check.
    box: boxSchema.safeParse(box).data,
    machine: facts.machine,
    safeguards: facts.safeguards,
  };
}
