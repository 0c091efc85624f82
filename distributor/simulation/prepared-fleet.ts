/** Prepares a fleet in memory for a simulation: its devices are enrolled and heard, and a plan comes into force. */
import { sha256 } from '../../contract/digest.ts';
import type { Plan } from '../declaration/plan.ts';
import { everywhere } from '../fleet/access/reach.ts';
import { unbound } from '../fleet/access/token.ts';
import type { Enrolment, FleetState, TokenRecord } from '../fleet/ports.ts';
import type { Decision } from '../rollout/decision.ts';
import type { VirtualDevice } from './virtual-device.ts';

const enrolmentToken = 'simulation';
const nothing: Decision = { kind: 'none', reason: 'no-rollout', until: undefined, facts: {} };

/** Every device enrols at its time; those that are ever heard have been heard at the start. */
export async function enrolFleet(fleet: FleetState, devices: readonly VirtualDevice[], start: number): Promise<void> {
  await fleet.saveToken(tokenOf(enrolmentToken, 'enrol', undefined, start));
  for (const device of devices) {
    const { id, product, platform, givenLabels, enrolledAt, reach, vouched } = device.is;
    const { check } = device;
    const deviceToken = tokenOf(`of ${id}`, 'device', id, enrolledAt);
    const enrolling: Enrolment['device'] = { id, product, platform, labels: check.labels, givenLabels };
    await fleet.enrol({
      ...{ device: enrolling, status: 'accepted' as const, publicKey: undefined },
      enrolmentTokenId: enrolmentToken,
      deviceToken,
      at: enrolledAt,
    });
    if (reach === 'never') continue;
    const asked = { wantsPeers: false, site: undefined, cluster: undefined, peerTimeoutSeconds: 0, budgets: [] };
    await fleet.answerCheck({ ...asked, deviceId: id, at: start, check, vouched }, () => nothing);
  }
}

export async function putInForce(fleet: FleetState, plan: Plan, start: number): Promise<void> {
  const contentSha256 = sha256(new TextEncoder().encode(JSON.stringify(plan)));
  const said = { revision: `sha256:${contentSha256}`, author: 'the simulation', subject: '' };
  await fleet.savePlan({ plan, contentSha256, ...said, appliedAt: start, diff: [] });
}

/** Nobody shows it: devices of a simulation are known to be themselves. */
function tokenOf(
  id: string,
  purpose: 'enrol' | 'device',
  deviceId: string | undefined,
  createdAt: number,
): TokenRecord {
  const none = {
    bound: unbound,
    reach: everywhere,
    createdBy: undefined,
    expiresAt: undefined,
    usesLeft: undefined,
    revokedAt: undefined,
  };
  return { id, hash: id, name: undefined, purpose, scopes: [], deviceId, createdAt, lastUsedAt: undefined, ...none };
}
