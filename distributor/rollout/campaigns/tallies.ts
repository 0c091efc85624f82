/**
 * Keeps counts of campaigns. It asks the database no more often than once a second each, and more seldom where that is
 * much work, unless failures that came since could be enough for an abort.
 */
import type { Rollout } from '../../declaration/rollout.ts';
import { type CampaignKey, type CampaignState, campaignText } from '../campaign.ts';
import { heldOf, heldSilenceMs, standings, type WaveCounts } from '../standing.ts';
import { evidenceIn, isEnoughToAbort } from './advance.ts';
import type { CampaignStore, CountQuestion, HoldCount } from './ports.ts';

const recountMs = 1000;
/**
 * Counting takes longer the more there is to count: this number of devices adds a millisecond, 100,000 add two seconds.
 */
const devicesPerMs = 50;
/** Campaigns that are through change only by devices that fall back late. */
const recountFinishedMs = 10_000;

/** Counts of a campaign, and what its held devices are held by. */
export interface Tallied {
  /** One entry for each opened wave. */
  readonly counts: readonly WaveCounts[];
  readonly holds: readonly HoldCount[];
}

interface Tally extends Tallied {
  readonly countedAt: number;
  failuresSince: number;
}

export class Tallies {
  readonly #store: Pick<CampaignStore, 'countWaves' | 'countHolds'>;
  readonly #byCampaign = new Map<string, Tally>();

  constructor(store: Pick<CampaignStore, 'countWaves' | 'countHolds'>) {
    this.#store = store;
  }

  async of(rollout: Rollout, state: CampaignState, now: number): Promise<Tallied> {
    if (state.openedWaves.length === 0) return { counts: [], holds: [] };
    const key = campaignText(state);
    const known = this.#byCampaign.get(key);
    if (known && !isStale(known, rollout, state, now)) return known;
    const failuresBefore = known?.failuresSince ?? 0;
    const counts = await this.#store.countWaves(state, countQuestionOf(rollout, state, now));
    const isHeld = counts.some((wave) => heldOf(wave) > 0);
    const heardAfter = now - heldSilenceMs(rollout.deviceTimeoutSeconds);
    const holds = isHeld ? await this.#store.countHolds(state, heardAfter) : [];
    // What came while the database counted may or may not be in it.
    const failuresSince = Math.max(0, (this.#byCampaign.get(key)?.failuresSince ?? 0) - failuresBefore);
    const tally = { counts, holds, countedAt: now, failuresSince };
    this.#byCampaign.set(key, tally);
    return tally;
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

/** What is asked of the database about a campaign as it stands. */
export function countQuestionOf(
  { waves, deviceTimeoutSeconds }: Rollout,
  { openedWaves, judgedFrom }: CampaignState,
  now: number,
): CountQuestion {
  const soaks = openedWaves.map(({ upTo, openedAt }, index) => ({
    upTo,
    openedAt,
    soakSeconds: waves[index]?.soakSeconds ?? 0,
  }));
  return { waves: soaks, judgedFrom, deviceTimeoutSeconds, now };
}

function isStale(tally: Tally, rollout: Rollout, { status, openedWaves }: CampaignState, now: number): boolean {
  if (tally.counts.length !== openedWaves.length) return true;
  const isOver = status === 'completed' || status === 'aborted';
  const devices = tally.counts.reduce(
    (sum, wave) => sum + standings.reduce((devices, standing) => devices + wave[standing], 0),
    0,
  );
  const age = now - tally.countedAt;
  if (age < 0 || age >= (isOver ? recountFinishedMs : recountMs) + Math.floor(devices / devicesPerMs)) return true;
  return !isOver && isAlarming(tally, rollout);
}

function isAlarming({ counts, failuresSince }: Tally, { abort, gate }: Rollout): boolean {
  if (failuresSince === 0) return false;
  // Which wave they belong to is not known before the recount.
  const could = (waves: readonly WaveCounts[]) => {
    const sum = { failed: failuresSince, reached: 0 };
    for (const { failed, reached } of waves.map(evidenceIn)) {
      sum.failed += failed;
      sum.reached += reached;
    }
    return isEnoughToAbort(abort, gate.confidencePercent, sum);
  };
  return could(counts) || counts.some((wave) => could([wave]));
}
