/**
 * Answers a check of a device by the plan that is in force in the database, and records it with what it shows. What
 * carries the check and the answer is none of its business.
 */
import type { CheckRequest, DeviceId } from '../../contract/device-api/check.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { identityShared } from '../events/audit.ts';
import { decide } from '../rollout/deciding/decide.ts';
import type { DecideInput } from '../rollout/deciding/decide-input.ts';
import { type Finding, findingsOf } from '../rollout/deciding/findings.ts';
import { type Decision, withoutPermits } from '../rollout/decision.ts';
import { type DeviceDesk, recordFallBacks } from './device-desk.ts';
import type { Watched } from './identity/machine-watch.ts';
import { sharedIdentity } from './identity/shared-identity.ts';
import type { Bearer, CheckFacts } from './ports.ts';
import { questionOf } from './question.ts';

interface ArrivedCheck {
  readonly id: DeviceId;
  readonly check: CheckRequest;
  /** Undefined where the device is known to be itself. */
  readonly bearer: Bearer | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** How often what was asked with may turn out to be out of date. */
const maxTries = 4;

/** Another replica may have applied a plan, or a person given the device labels, that this one has not seen. */
export async function takeCheck(desk: DeviceDesk, arrived: ArrivedCheck): Promise<Decision> {
  const { reconciler, givenLabels } = desk;
  let hasLabels = true;
  let isCaughtUp = false;
  const isInForce = ({ device, planSha256 }: CheckFacts) => {
    hasLabels = givenLabels.note(arrived.id, device.givenLabels);
    // One that was caught up with is taken: another one may be applied at any moment.
    return hasLabels && (isCaughtUp || planSha256 === reconciler.applied?.contentSha256);
  };
  for (let tries = 0; tries < maxTries; tries++) {
    const decision = await decideOnce(desk, arrived, isInForce);
    if (decision) return decision;
    if (!hasLabels) continue;
    await reconciler.catchUp();
    isCaughtUp = true;
  }
  throw new SlipwayError('internal', `check of ${arrived.id}: nothing was decided by the plan in force`);
}

/** Undefined where the plan known here is not the one in force; then nothing is recorded. */
async function decideOnce(
  desk: DeviceDesk,
  arrived: ArrivedCheck,
  isInForce: (facts: CheckFacts) => boolean,
): Promise<Decision | undefined> {
  const { id, bearer, now } = arrived;
  const { arrival, judge, find } = decidingOf(desk, arrived);
  let findings: readonly Finding[] = [];
  let watched: Watched | undefined;
  const answering = desk.fleet.answerCheck(
    bearer ? { ...arrival, bearer } : arrival,
    (facts, seen) => {
      watched = seen;
      if (seen.isRefused) throw sharedIdentity(id);
      return isInForce(facts) ? judge(facts) : undefined;
    },
    (facts) => {
      findings = find(facts);
      return findings;
    },
  );
  const decision = await answering.catch(async (error: unknown) => {
    if (watched?.isFound && watched.watch && error instanceof SlipwayError && error.code === 'identity-shared') {
      await desk.fleet.keepWatch(id, watched.watch, identityShared(id, now));
      desk.identityShared();
    }
    throw error;
  });
  const fellBack = findings.filter(({ kind }) => kind !== 'runs');
  if (decision) await recordFallBacks(desk, id, fellBack, now);
  if (decision && watched?.isFound) {
    await desk.fleet.appendEvent(identityShared(id, now));
    desk.identityShared();
  }
  return decision;
}

/** What is asked of the database for one check, and how it is judged by the plan as this process knows it. */
function decidingOf(desk: DeviceDesk, { id, check, now }: ArrivedCheck) {
  const { campaigns, releases: known, canRevert } = desk;
  const plan = campaigns.compiled;
  const releases = known();
  const given = desk.givenLabels.of(id);
  const labels = plan.effectiveLabels(id, check.labels, given);
  const vouched = plan.vouchedLocationOf(id, check.labels, given);
  const arrival = { ...questionOf(plan, releases, { id, check, labels }, now), check, vouched };
  const inputOf = ({ device, attempts, peers, campaign, spending }: CheckFacts): DecideInput => {
    const facts = { id, check, labels, enrolledAt: device.enrolledAt };
    return { device: facts, plan, releases, campaign, attempts, peers, spending, now };
  };
  const judge = (facts: CheckFacts): Decision => {
    const decision = decide(inputOf(facts));
    return canRevert ? decision : withoutPermits(decision);
  };
  return { arrival, judge, find: (facts: CheckFacts) => findingsOf(inputOf(facts)) };
}
