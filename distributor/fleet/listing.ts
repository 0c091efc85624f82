/**
 * Lists the devices of a fleet as operators see them, page by page: with the labels that rules give, the wave, and what
 * holds them. One call reads a bounded number of devices, however few of them are asked for.
 */
import type { DeviceId } from '../../contract/device-api/check.ts';
import type { ReleaseIndex } from '../catalog/releases.ts';
import { campaignText } from '../rollout/campaign.ts';
import type { CompiledPlan } from '../rollout/compiled-plan.ts';
import { waveOfDevice } from '../rollout/deciding/device-wave.ts';
import { type DeviceQuery, deviceFilter } from './device-filter.ts';
import type { DevicePage } from './device-page.ts';
import type { DeviceProfile, FleetState } from './ports.ts';
import { type DeviceView, deviceViewOf } from './view.ts';

interface ListingInput {
  readonly fleet: Pick<FleetState, 'listDevices' | 'loadCampaigns'>;
  readonly plan: CompiledPlan;
  readonly releases: ReleaseIndex;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Whether a device is one for who asks; all are where it is left out. */
  readonly sees?: (device: DeviceProfile) => boolean;
}

interface ListedDevices {
  readonly devices: DeviceView[];
  /** Give it as `after` to read on; absent on the last page. A page before may have few devices, or none. */
  readonly next?: DeviceId | undefined;
}

/** Some tens of milliseconds of work. */
const maxReadAtOnce = 500;
const maxRead = 2000;

export async function listDevices(input: ListingInput, query: DeviceQuery, page: DevicePage): Promise<ListedDevices> {
  const shown = viewer(input, await input.fleet.loadCampaigns());
  const asked = deviceFilter(query, input.now, input.plan.fleet.labelsFromDevice);
  const isFiltered = asked !== undefined || input.sees !== undefined;
  const devices: DeviceView[] = [];
  let { after } = page;
  for (let read = 0; read < maxRead; ) {
    const limit = Math.min(maxReadAtOnce, isFiltered ? maxRead - read : page.limit - devices.length);
    const profiles = await input.fleet.listDevices({ after, limit });
    for (const profile of profiles) {
      after = profile.id;
      if (input.sees?.(profile) === false) continue;
      const device = shown(profile);
      if (asked?.(device) === false) continue;
      devices.push(device);
      if (devices.length === page.limit) return { devices, next: after };
    }
    if (profiles.length < limit) return { devices };
    read += profiles.length;
  }
  return { devices, next: after };
}

type Campaigns = Awaited<ReturnType<ListingInput['fleet']['loadCampaigns']>>;

function viewer({ plan, releases }: ListingInput, campaigns: Campaigns): (profile: DeviceProfile) => DeviceView {
  const states = new Map(campaigns.map((state) => [campaignText(state), state]));
  const input = {
    plan,
    releases,
    campaign: (rollout: string, version: string) => states.get(campaignText({ rollout, version })),
  };
  return (profile) => {
    const byRule = plan.labelsByRule(profile.id, profile.labels, profile.givenLabels);
    const wave = waveOfDevice(input, profile, plan.effectiveLabels(profile.id, profile.labels, profile.givenLabels));
    return {
      ...deviceViewOf(profile),
      ...(Object.keys(byRule).length === 0 ? {} : { labelsByRule: byRule }),
      wave,
    };
  };
}
