/**
 * Counts of campaigns, asked of the database no more often than once a second each, and more seldom where that is much
 * work, unless failures that came since could be enough for an abort.
 */
import type { Rollout } from '../declaration/rollout.ts';
import { isEnoughToAbort } from './advance.ts';
import { type CampaignKey, type CampaignState, campaignText, reachedOf, type WaveCounts } from './campaign.ts';
import type { CampaignStore } from './ports.ts';

const recountMs = 1000;
/** Counting takes longer the more there is to count: so many devices add a millisecond, 100,000 of them two seconds. */
const devicesPerMs = 50;
/** Campaigns that are through change only by devices that fall back late. */
const recountFinishedMs = 10_000;

interface Tally {
  readonly counts: readonly WaveCounts[];
  readonly countedAt: number;
  failuresSince: number;
}

export class Tallies {
  readonly #store: Pick<CampaignStore, 'countWaves'>;
  readonly #byCampaign = new Map<string, Tally>();

  constructor(store: Pick<CampaignStore, 'countWaves'>) {
    this.#store = store;
  }

  /** One entry for each opened wave. */
  async of(rollout: Rollout, state: CampaignState, now: number): Promise<readonly WaveCounts[]> {
    if (state.openedWaves.length === 0) return [];
    const key = campaignText(state);
    const known = this.#byCampaign.get(key);
    if (known && !isStale(known, rollout, state, now)) return known.counts;
    const bounds = state.openedWaves.map(({ upTo }) => upTo);
    const failuresBefore = known?.failuresSince ?? 0;
    const counts = await this.#store.countWaves(state, bounds, now, rollout.deviceTimeoutSeconds);
    // What came while the database counted may or may not be in it.
    const failuresSince = Math.max(0, (this.#byCampaign.get(key)?.failuresSince ?? 0) - failuresBefore);
    this.#byCampaign.set(key, { counts, countedAt: now, failuresSince });
    return counts;
  }

  /** @returns whether failures of the rollout may be enough for an abort now */
  failed(rollout: Rollout): boolean {
    let mayAbort = false;
    for (const [key, tally] of this.#byCampaign) {
      if (!key.startsWith(`${rollout.name} `)) continue;
      tally.failuresSince++;
      mayAbort ||= isAlarming(tally, rollout);
    }
    return mayAbort;
  }

  forget(key: CampaignKey): void {
    this.#byCampaign.delete(campaignText(key));
  }
}

function isStale(tally: Tally, rollout: Rollout, { status, openedWaves }: CampaignState, now: number): boolean {
  if (tally.counts.length !== openedWaves.length) return true;
  const isOver = status === 'completed' || status === 'aborted';
  const devices = tally.counts.reduce((sum, wave) => sum + reachedOf(wave) + wave.unreachable, 0);
  const age = now - tally.countedAt;
  if (age < 0 || age >= (isOver ? recountFinishedMs : recountMs) + Math.floor(devices / devicesPerMs)) return true;
  return status !== 'aborted' && isAlarming(tally, rollout);
}

function isAlarming({ counts, failuresSince }: Tally, { abort }: Rollout): boolean {
  if (failuresSince === 0) return false;
  // Which wave they belong to is not known before the recount.
  const could = (waves: readonly WaveCounts[]) =>
    isEnoughToAbort(
      abort,
      waves.reduce((sum, wave) => sum + wave.failed, failuresSince),
      waves.reduce((sum, wave) => sum + reachedOf(wave), 0),
    );
  return could(counts) || counts.some((wave) => could([wave]));
}
