/**
 * Asks the decision about one device, with the facts that its next check would have, and gathers what stands behind it.
 * Reads, never records: asking changes nothing.
 */
import type { CheckRequest } from '../../contract/device-api/check.ts';
import type { ReleaseIndex } from '../catalog/releases.ts';
import { conditionViewOf } from '../fleet/condition.ts';
import { unknownDevice } from '../fleet/identity/dismissal.ts';
import { sharedSince } from '../fleet/identity/machine-watch.ts';
import type { Location } from '../fleet/location.ts';
import type { CheckFacts, DeviceRecord, FleetState } from '../fleet/ports.ts';
import { questionOf } from '../fleet/question.ts';
import { countQuestionOf } from '../rollout/campaigns/tallies.ts';
import type { CompiledPlan } from '../rollout/compiled-plan.ts';
import { decide, explain } from '../rollout/deciding/decide.ts';
import type { DecideInput } from '../rollout/deciding/decide-input.ts';
import { type Decision, withoutPermits } from '../rollout/decision.ts';
import type { WaveCounts } from '../rollout/standing.ts';
import { decisionViewOf } from './decision-view.ts';
import { heldSentence } from './next-step.ts';
import { explainRollout } from './rollout-explanation.ts';
import type { WhyView } from './view.ts';

interface ExplanationInput {
  readonly fleet: Pick<FleetState, 'findProfile' | 'readFacts' | 'countWaves'>;
  readonly plan: CompiledPlan;
  readonly releases: ReleaseIndex;
  /** Whether devices can be sent back: without a key for permits none is. */
  readonly canRevert: boolean;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** @throws SlipwayError `device-unknown` */
export async function explainDevice(input: ExplanationInput, id: string): Promise<WhyView> {
  const { fleet, plan, now } = input;
  const device = await fleet.findProfile(id);
  if (!device) throw unknownDevice(id);
  const labels = plan.effectiveLabels(id, device.labels, device.givenLabels);
  const location = plan.locationOf(labels);
  const claims = claimsOf(location, plan.vouchedLocationOf(id, device.labels, device.givenLabels));
  const shown = { ...deviceOf(device), labels, role: location.role, ...placeOfLabels(location), ...claims };
  const condition = conditionViewOf(device);
  const askedAt = new Date(now).toISOString();
  const check = checkOf(device);
  if (device.status !== 'accepted' || check === undefined) {
    const state = device.status === 'accepted' ? 'never-asked' : device.status;
    return { device: shown, ...condition, state, askedAt, rollouts: [] };
  }
  const facts = await fleet.readFacts(questionOf(plan, input.releases, { id, check, labels }, now));
  if (!facts) throw unknownDevice(id);
  const decideInput: DecideInput = {
    device: { id, check, labels, enrolledAt: device.enrolledAt },
    plan,
    releases: input.releases,
    campaign: facts.campaign,
    attempts: facts.attempts,
    peers: facts.peers,
    spending: facts.spending,
    now,
  };
  const rollouts = [];
  const answered = (decision: Decision) => (input.canRevert ? decision : withoutPermits(decision));
  for (const explained of explain(decideInput)) {
    const explanation = { ...explained, decision: answered(explained.decision) };
    const counts = await countsOf(input, facts, explanation.rollout, explanation.version);
    rollouts.push(explainRollout(decideInput, explanation, counts));
  }
  const decision = answered(decide(decideInput));
  const rollout = decision.kind === 'none' ? decision.facts.rollout : decision.rollout.name;
  const view = decisionViewOf(decision);
  const next = condition.heldBy === undefined ? view.next : `${heldSentence(condition.heldBy)} ${view.next}`;
  return {
    device: shown,
    ...condition,
    state: 'deciding',
    decision: { ...view, next, ...(rollout === undefined ? {} : { rollout: String(rollout) }) },
    askedAt,
    rollouts,
  };
}

/** As it said at its last check; undefined where it has never asked. */
function checkOf(device: DeviceRecord): CheckRequest | undefined {
  const { product, platform, current, counterFloor, phase, rejected, labels, updaterVersion } = device;
  if (phase === undefined || updaterVersion === undefined) return undefined;
  return {
    schemaVersion: 1,
    product,
    platform,
    counterFloor,
    phase,
    updaterVersion,
    labels,
    rejected: [...rejected],
    current,
  };
}

/** Of each opened wave; none where nothing has opened. */
async function countsOf(
  { fleet, plan, now }: ExplanationInput,
  facts: CheckFacts,
  rollout: string,
  version: string | undefined,
): Promise<readonly WaveCounts[]> {
  const campaign = version === undefined ? undefined : facts.campaign(rollout, version);
  const declared = plan.find(rollout)?.rollout;
  if (!campaign || !declared || campaign.openedWaves.length === 0) return [];
  return fleet.countWaves(campaign, countQuestionOf(declared, campaign, now));
}

function deviceOf(device: DeviceRecord) {
  const { id, product, platform, counterFloor, enrolledAt, lastSeenAt, current, phase, updaterVersion } = device;
  return {
    id,
    product,
    platform,
    counterFloor,
    enrolledAt: new Date(enrolledAt).toISOString(),
    ...(lastSeenAt === undefined ? {} : { lastSeenAt: new Date(lastSeenAt).toISOString() }),
    current,
    phase,
    updaterVersion,
    box: device.box,
    ...sharedSince(device.watch),
  };
}

function claimsOf(own: Location, vouched: Location): Pick<WhyView['device'], 'claims'> {
  const claims = (['site', 'cluster'] as const).filter((place) => own[place] !== vouched[place]);
  return claims.length === 0 ? {} : { claims };
}

function placeOfLabels({ site, cluster }: { site: string | undefined; cluster: string | undefined }) {
  return { site, cluster };
}
