/** The releases that rollouts have started with, where the store is not at hand: versions and channels, nothing more. */
import { type Release, ReleaseIndex } from '../catalog/releases.ts';
import type { Plan } from '../declaration/plan.ts';
import type { CampaignState } from './campaign.ts';

/** Of a channel the one that started last. Good for looking at rollouts and stopping them, not for deciding. */
export function startedReleases(plan: Plan, campaigns: readonly CampaignState[]): ReleaseIndex {
  const releases = plan.rollouts.flatMap(({ name, product, target }): Release[] => {
    const started = campaigns.filter(({ rollout }) => rollout === name).sort((a, b) => b.createdAt - a.createdAt);
    const version = 'release' in target ? target.release : started[0]?.version;
    if (version === undefined) return [];
    return [
      {
        ...{ product, version, platform: 'linux/amd64', counter: 0, floors: [], minUpdaterVersion: undefined },
        ...{
          channels: 'channel' in target ? [target.channel] : [],
          manifestSha256: '',
          targetPath: '',
          maxTransferBytes: 0,
        },
      },
    ];
  });
  return new ReleaseIndex(releases);
}
