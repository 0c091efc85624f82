/** Lists what happens to campaigns, as the log, the metrics and the audit log are told. */
import type { SlipwayError } from '../../../contract/errors.ts';
import type { Rollout } from '../../declaration/rollout.ts';
import type { CampaignKey, CampaignState } from '../campaign.ts';
import type { Wait } from './advance.ts';
import type { ControlAction } from './control.ts';
import type { Transition } from './transition.ts';

export type CampaignEvent =
  | { readonly kind: 'advanced'; readonly key: CampaignKey; readonly transition: Transition }
  | { readonly kind: 'controlled'; readonly key: CampaignKey; readonly action: ControlAction; readonly by: string }
  /** The gate of the open wave does not hold; told at every look. */
  | { readonly kind: 'held'; readonly key: CampaignKey; readonly wave: string; readonly wait: Wait }
  /** One campaign could not be looked at; the others were. */
  | { readonly kind: 'failed'; readonly key: CampaignKey; readonly problem: SlipwayError };

/** Devices that have not answered yet are no reason to tell. */
const gateReasons: readonly Wait['reason'][] = [
  'nobody-in-group',
  'devices-held',
  'gate-not-met',
  'confidence-too-low',
  'check-failed',
  'check-unknown',
];

/** Undefined where it is not the gate that a campaign waits for. @param waves as declared */
export function heldBy(
  { rollout, version, openedWaves }: CampaignState,
  waves: Rollout['waves'],
  wait: Wait,
): CampaignEvent | undefined {
  const wave = openedWaves.at(-1)?.name ?? waves[0]?.name;
  if (wave === undefined || !gateReasons.includes(wait.reason)) return undefined;
  return { kind: 'held', key: { rollout, version }, wave, wait };
}
