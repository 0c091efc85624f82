/** Keeps campaigns in memory, and counts what devices did with them. */
import type { DeviceId } from '../../../contract/device-api/check.ts';
import { type CampaignAttempt, type CampaignKey, type CampaignState, campaignText } from '../../rollout/campaign.ts';
import type { CountQuestion, HoldCount } from '../../rollout/campaigns/ports.ts';
import { applyTransitionTo, type Transition } from '../../rollout/campaigns/transition.ts';
import { noCounts, type WaveCounts } from '../../rollout/standing.ts';
import type { CampaignEntry, MemoryTables } from './tables.ts';

export class CampaignTable {
  readonly #tables: MemoryTables;

  constructor(tables: MemoryTables) {
    this.#tables = tables;
  }

  /** Those that have started. */
  load(): CampaignState[] {
    const states = [...this.#tables.campaigns.values()].flatMap(({ state }) => state ?? []);
    return states.length < 2 ? states : states.sort((a, b) => a.createdAt - b.createdAt);
  }

  /** @returns the state after it; undefined where it does not fit */
  apply(key: CampaignKey, transition: Transition, at: number): CampaignState | undefined {
    const campaign = this.#tables.campaign(key);
    const state = applyTransitionTo(campaign.state, campaign.key, transition, at);
    if (state) campaign.state = state;
    return state;
  }

  attemptsOf(id: DeviceId): CampaignAttempt[] {
    return this.#tables.devices.get(id)?.attempts.map(({ attempt }) => ({ ...attempt })) ?? [];
  }

  /** See CampaignStore.countWaves. */
  count(key: CampaignKey, question: CountQuestion): WaveCounts[] {
    const campaign = this.#find(key);
    if (!campaign || question.waves.length === 0) return question.waves.map(() => ({ ...noCounts }));
    const opened = campaign.state?.openedWaves ?? [];
    return campaign.tally.counts(question).map((slice, index) => {
      const members = (opened[index]?.members ?? 0) - (opened[index - 1]?.members ?? 0);
      return { ...slice, members: Math.max(0, members) };
    });
  }

  /** See CampaignStore.countHolds. */
  countHolds(key: CampaignKey, heardAfter: number): HoldCount[] {
    const counts = new Map<string, HoldCount>();
    for (const { attempt, device } of this.#find(key)?.attempts ?? []) {
      const { fault, outcome, code = 'unknown' } = attempt;
      if (outcome === undefined || (fault !== 'device' && fault !== 'path')) continue;
      if ((device.record.lastSeenAt ?? 0) <= heardAfter) continue;
      const name = `${fault} ${code}`;
      counts.set(name, { fault, code, devices: (counts.get(name)?.devices ?? 0) + 1 });
    }
    return [...counts.values()].sort((a, b) => b.devices - a.devices || (a.code < b.code ? -1 : 1));
  }

  #find(key: CampaignKey): CampaignEntry | undefined {
    return this.#tables.campaigns.get(campaignText(key));
  }
}
