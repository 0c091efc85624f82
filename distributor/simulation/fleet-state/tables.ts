/** Holds the devices, campaigns and attempts of a fleet in memory, and finds them by what is asked for. */
import type { DeviceId } from '../../../contract/device-api/check.ts';
import type { Report } from '../../../contract/device-api/report.ts';
import type { DevicePage } from '../../fleet/device-page.ts';
import type { SeenNonce } from '../../fleet/identity/nonces.ts';
import type { Location } from '../../fleet/location.ts';
import type { DeviceRecord } from '../../fleet/ports.ts';
import type { ReceivedSequences } from '../../fleet/received-sequences.ts';
import type { ReportedAttempt } from '../../rollout/attempt-after-report.ts';
import { type CampaignAttempt, type CampaignKey, type CampaignState, campaignText } from '../../rollout/campaign.ts';
import type { Mark, Standing } from '../../rollout/standing.ts';
import { Spendings } from './spendings.ts';
import { WaveTally } from './wave-tally.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface DeviceEntry {
  readonly number: number;
  /** Changes in place; who keeps it longer than a moment takes a copy. */
  readonly record: Mutable<DeviceRecord>;
  readonly enrolledBy: string;
  nonces: readonly SeenNonce[];
  readonly received: ReceivedSequences;
  /** Kept ones, by sequence. */
  reports: Report[];
  readonly attempts: AttemptEntry[];
}

export interface AttemptEntry {
  readonly device: DeviceEntry;
  readonly campaign: CampaignEntry;
  readonly attempt: Mutable<CampaignAttempt & ReportedAttempt>;
  /** Position among the attempts of its campaign. */
  index: number;
  counted: Counted | undefined;
}

/** As the tally of its campaign has it. */
export interface Counted {
  /** Index of its wave; -1 where none covers it. */
  readonly slice: number;
  standing: Standing | undefined;
  mark: Mark | undefined;
  /** When it is looked at again; Infinity for never. */
  dueAt: number;
  /** When its soak ends, as queued last. */
  soakedAt: number | undefined;
}

export interface CampaignEntry {
  readonly key: CampaignKey;
  /** Undefined while it is only a name that attempts have. */
  state: CampaignState | undefined;
  attempts: AttemptEntry[];
  readonly tally: WaveTally;
  readonly spendings: Spendings;
}

export class MemoryTables {
  readonly devices = new Map<DeviceId, DeviceEntry>();
  readonly campaigns = new Map<string, CampaignEntry>();
  readonly #bySite = new Map<string, Set<DeviceEntry>>();
  readonly #byCluster = new Map<string, Set<DeviceEntry>>();
  #byId: DeviceEntry[] | undefined;
  #numbers = 0;

  addDevice(entry: Omit<DeviceEntry, 'number'>): void {
    this.devices.set(entry.record.id, { number: ++this.#numbers, ...entry });
    this.#byId = undefined;
  }

  removeDevice(entry: DeviceEntry): void {
    this.devices.delete(entry.record.id);
    this.#byId = undefined;
    this.move(entry, { site: undefined, cluster: undefined });
    for (const { campaign } of entry.attempts) {
      this.keepAttempts(
        campaign,
        campaign.attempts.filter(({ device }) => device !== entry),
      );
    }
  }

  /** Puts others in the place of a campaign's attempts. */
  keepAttempts(campaign: CampaignEntry, kept: AttemptEntry[]): void {
    campaign.attempts = kept;
    for (const [index, entry] of kept.entries()) entry.index = index;
    campaign.tally.restart();
  }

  /** Ids in order. */
  page({ after, limit }: DevicePage, accepts: (entry: DeviceEntry) => boolean): DeviceEntry[] {
    this.#byId ??= [...this.devices.values()].sort((a, b) => (a.record.id < b.record.id ? -1 : 1));
    const found: DeviceEntry[] = [];
    for (let at = after === undefined ? 0 : this.#positionAfter(after); found.length < limit; at++) {
      const entry = this.#byId[at];
      if (!entry) break;
      if (accepts(entry)) found.push(entry);
    }
    return found;
  }

  /** The campaign, made where there is none. */
  campaign(key: CampaignKey): CampaignEntry {
    const text = campaignText(key);
    const known = this.campaigns.get(text);
    if (known) return known;
    const { rollout, version } = key;
    const made: CampaignEntry = {
      key: { rollout, version },
      state: undefined,
      attempts: [],
      tally: new WaveTally(() => made.attempts),
      spendings: new Spendings(),
    };
    this.campaigns.set(text, made);
    return made;
  }

  /** To be called before the record of the device says so. */
  move(entry: DeviceEntry, to: Pick<Location, 'site' | 'cluster'>): void {
    moveIn(this.#bySite, entry, entry.record.site, to.site);
    moveIn(this.#byCluster, entry, entry.record.cluster, to.cluster);
  }

  /** Of the site or the cluster, first enrolled first. */
  near({ site, cluster }: Pick<Location, 'site' | 'cluster'>): DeviceEntry[] {
    const near: DeviceEntry[] = [];
    for (const entry of this.#bySite.get(site ?? '') ?? []) near.push(entry);
    for (const entry of this.#byCluster.get(cluster ?? '') ?? []) {
      if (site === undefined || entry.record.site !== site) near.push(entry);
    }
    return near.sort((a, b) => a.number - b.number);
  }

  #positionAfter(id: DeviceId): number {
    const all = this.#byId ?? [];
    let [low, high] = [0, all.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((all[middle]?.record.id ?? '') <= id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export function attemptEntryOf(device: DeviceEntry, { rollout, version }: CampaignKey): AttemptEntry | undefined {
  return device.attempts.find(({ attempt }) => attempt.rollout === rollout && attempt.version === version);
}

function moveIn(
  places: Map<string, Set<DeviceEntry>>,
  entry: DeviceEntry,
  from: string | undefined,
  to: string | undefined,
): void {
  if (from === to) return;
  if (from !== undefined) places.get(from)?.delete(entry);
  if (to === undefined) return;
  const there = places.get(to);
  if (there) there.add(entry);
  else places.set(to, new Set([entry]));
}
