/**
 * Lists the releases that rollouts have started with, where the store is not at hand: versions and channels for every
 * platform.
 */
import { platforms } from '../../../contract/release/platform.ts';
import { type Release, ReleaseIndex } from '../../catalog/releases.ts';
import type { Plan } from '../../declaration/plan.ts';
import type { CampaignState } from '../campaign.ts';

/** Of a channel the one that started last. Good for looking at rollouts and stopping them, not for deciding. */
export function startedReleases(plan: Plan, campaigns: readonly CampaignState[]): ReleaseIndex {
  const releases = plan.rollouts.flatMap(({ name, product, target }): Release[] => {
    const started = campaigns.filter(({ rollout }) => rollout === name).sort((a, b) => b.createdAt - a.createdAt);
    const version = 'release' in target ? target.release : started[0]?.version;
    if (version === undefined) return [];
    return platforms.map((platform) => ({
      product,
      version,
      platform,
      counter: 0,
      floors: [],
      minUpdaterVersion: undefined,
      maxTransferBytes: 0,
      channels: 'channel' in target ? [target.channel] : [],
      manifestSha256: '',
      targetPath: '',
    }));
  });
  return new ReleaseIndex(releases);
}
