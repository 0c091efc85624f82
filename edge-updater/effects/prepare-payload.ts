/** Counts the room that an adopted box needs and unpacks the new K3s beside the old one, while that runs. */
import type { ReleaseManifest } from '../../contract/release/manifest.ts';
import type { Attempt } from '../update/state.ts';
import { isUndo } from '../update/step.ts';
import { requireRoomForData } from './require-room-for-data.ts';
import type { World } from './world.ts';

/** @throws SlipwayError `disk-full`, `datastore-damaged`, `program-broken`, codes of the machine */
export async function preparePayload(
  attempt: Attempt,
  manifest: ReleaseManifest,
  world: World,
  signal: AbortSignal,
): Promise<void> {
  const { payloads, data } = world;
  const { distribution, components } = manifest;
  const payload = distribution?.payload;
  const length = components.find(({ name }) => name === distribution?.component)?.length ?? 0;
  const payloadBytes = payloads && payload ? await payloads.roomFor(payload, length) : 0;
  await requireRoomForData(data, payloadBytes, isUndo(attempt) ? 'undo' : 'copy');
  if (payloads && payload) await payloads.unpack(attempt.release.manifestSha256, payload, signal);
}
