/** Records decisions beside what is decided: about campaigns, plans, devices, tokens and permits; never a secret. */
import type { DeviceId } from '../../contract/device-api/device-id.ts';
import { type EndingRole, endingText } from '../../system/signing/ending-roles.ts';
import { actorOf } from '../fleet/access/caller.ts';
import { reachWords } from '../fleet/access/reach.ts';
import type { TokenRecord } from '../fleet/ports.ts';
import type { AppliedPlan } from '../reconcile/applied-plan.ts';
import type { RefusedRevision } from '../reconcile/ports.ts';
import type { CampaignKey, CampaignState } from '../rollout/campaign.ts';
import type { Transition } from '../rollout/campaigns/transition.ts';
import { type EventKind, kindOfTransition } from './kinds.ts';
import type { AuditEvent } from './ports.ts';

/** Who decides where nobody asked; see AuditEvent. */
export const ownActor = 'rollouts';

export interface DecisionContext {
  readonly actor: string;
  /** What a person gives as the reason; empty for none. */
  readonly because: string;
  readonly at: number;
}

export function deviceDismissed(deviceId: DeviceId, action: 'revoke' | 'forget', said: DecisionContext): AuditEvent {
  const kind = ({ revoke: 'device-revoked', forget: 'device-forgotten' } as const)[action];
  const done = ({ revoke: 'Revoked', forget: 'Forgotten' } as const)[action];
  return event(kind, said, { deviceId, reason: sentence(`${done} by ${said.actor}`, said.because) });
}

export function deviceEnrolled(
  deviceId: DeviceId,
  token: Pick<TokenRecord, 'id' | 'name'>,
  status: 'accepted' | 'pending',
  at: number,
): AuditEvent {
  const reason = status === 'pending' ? 'Enrolled; it waits until somebody accepts it.' : 'Enrolled.';
  return event('device-enrolled', { actor: actorOf(token), at }, { deviceId, reason });
}

export function deviceKeyRegistered(deviceId: DeviceId, keyId: string, at: number): AuditEvent {
  const reason = 'Its key is known from now on; its bearers are short.';
  return event('device-key-registered', { actor: `device ${deviceId}`, at }, { deviceId, reason, facts: { keyId } });
}

export function identityShared(deviceId: DeviceId, at: number): AuditEvent {
  const reason = 'Two machines ask as this device; the one that came later is refused.';
  return event('identity-shared', { actor: ownActor, at }, { deviceId, reason });
}

export function deviceDecided(deviceId: DeviceId, status: 'accepted' | 'rejected', said: DecisionContext): AuditEvent {
  const done = ({ accepted: 'Accepted', rejected: 'Rejected' } as const)[status];
  return event(`device-${status}`, said, { deviceId, reason: sentence(`${done} by ${said.actor}`, said.because) });
}

/** @param changes null for a label that is taken away */
export function deviceLabelled(
  deviceId: DeviceId,
  changes: Readonly<Record<string, string | null>>,
  said: DecisionContext,
): AuditEvent {
  const words = Object.entries(changes).map(([key, value]) => (value === null ? `without ${key}` : `${key}=${value}`));
  const reason = sentence(`Labelled by ${said.actor} (${words.join(', ')})`, said.because);
  return event('device-labelled', said, { deviceId, reason });
}

export function tokenCreated(
  { id, name, purpose, scopes, usesLeft, bound, reach }: TokenRecord,
  actor: string,
  at: number,
): AuditEvent {
  const what = scopes.length === 0 ? '' : ` for ${scopes.join(', ')}`;
  const called = name === undefined ? {} : { name };
  const labels = Object.entries(bound.labels).map(([key, value]) => `${key}=${value}`);
  const facts = {
    ...{ token: id, purpose, ...called, ...(usesLeft === undefined ? {} : { uses: usesLeft }) },
    ...(labels.length === 0 ? {} : { labels: labels.join(' ') }),
    ...(bound.products.length === 0 ? {} : { products: bound.products.join(' ') }),
    ...(bound.groups.length === 0 ? {} : { groups: bound.groups.join(' ') }),
    ...(reachWords(reach) === '' ? {} : { reach: reachWords(reach) }),
  };
  return event('token-created', { actor, at }, { reason: `Made a token of purpose ${purpose}${what}.`, facts });
}

export function tokenRevoked(id: string, actor: string, at: number): AuditEvent {
  return event('token-revoked', { actor, at }, { reason: `Revoked token ${id}.`, facts: { token: id } });
}

export function permitIssued(key: CampaignKey, deviceId: DeviceId, at: number): AuditEvent {
  const reason = `A permit to leave ${key.version} and go back.`;
  return event('permit-issued', { actor: ownActor, at }, { ...keyOf(key), deviceId, reason });
}

export function deviceFellBack(key: CampaignKey, deviceId: DeviceId, at: number): AuditEvent {
  const reason = `It counted as a success, and does not run ${key.version} any more.`;
  return event('fell-back', { actor: ownActor, at }, { ...keyOf(key), deviceId, reason });
}

export function revertBegun(key: CampaignKey, at: number): AuditEvent {
  const reason = `Devices that run ${key.version} because of it are sent back.`;
  return event('revert-begun', { actor: ownActor, at }, { ...keyOf(key), reason });
}

export function gateClosed(key: CampaignKey, wave: string, why: { reason: string; detail: string }, at: number) {
  const facts = { wave, why: why.reason };
  return event('gate-closed', { actor: ownActor, at }, { ...keyOf(key), reason: why.detail, facts });
}

/** @param state after the transition */
export function campaignChanged(transition: Transition, state: CampaignState, actor: string, at: number): AuditEvent {
  const { reason } = transition;
  return event(
    kindOfTransition[transition.kind],
    { actor, at },
    { ...keyOf(state), reason, facts: factsOf(transition, state) },
  );
}

function factsOf(transition: Transition, state: CampaignState): Record<string, string | number> {
  const { status, generation } = state;
  if (transition.kind !== 'open-wave' && transition.kind !== 'raise-wave') return { status, generation };
  const wave = state.openedWaves[transition.index]?.name ?? '';
  return { status, wave, upTo: transition.upTo, members: transition.members };
}

export function planApplied({ revision, contentSha256, author, subject, appliedAt, diff }: AppliedPlan): AuditEvent {
  const reason = subject === '' ? `Revision ${revision} came into force.` : subject;
  const facts = { revision, contentSha256, changes: diff.length };
  return event('plan-applied', { actor: author, at: appliedAt }, { reason, facts });
}

/**
 * A refusal that is on record already, as after a restart, is not told again.
 * @param last event of a plan that is on record @returns undefined where it says the same
 */
export function planRefused(
  { problem, revision = '', author, subject = '' }: RefusedRevision,
  last: AuditEvent | undefined,
  at: number,
): AuditEvent | undefined {
  const isKnown = last?.kind === 'plan-refused' && last.facts?.revision === revision;
  if (isKnown && last.reason === problem.message) return undefined;
  const facts = { revision, subject, code: problem.code };
  return event('plan-refused', { actor: author ?? ownActor, at }, { reason: problem.message, facts });
}

/** Events that say which plan is in force, and why another one is not. */
export const planKinds: readonly string[] = ['plan-applied', 'plan-refused'] satisfies EventKind[];

export function metadataSigned(version: number, expires: string, at: number): AuditEvent {
  const reason = `Signed timestamp ${version}, which ends at ${expires}.`;
  return event('metadata-signed', { actor: ownActor, at }, { reason, facts: { timestamp: version, expires } });
}

export function metadataNotSigned(code: string, message: string, at: number): AuditEvent {
  return event('metadata-not-signed', { actor: ownActor, at }, { reason: `${code}: ${message}`, facts: { code } });
}

export function metadataEnding(ending: EndingRole, at: number): AuditEvent {
  const { role, expires } = ending;
  return event(
    'metadata-ending',
    { actor: ownActor, at },
    { reason: `${endingText(ending)}.`, facts: { role, expires } },
  );
}

function event(
  kind: EventKind,
  { actor, at }: Pick<DecisionContext, 'actor' | 'at'>,
  rest: Omit<AuditEvent, 'kind' | 'actor' | 'at'>,
): AuditEvent {
  return { at, actor, kind, ...rest };
}

function keyOf({ rollout, version }: CampaignKey): CampaignKey {
  return { rollout, version };
}

function sentence(text: string, because: string): string {
  return because === '' ? `${text}.` : `${text}: ${because.replace(/\.$/, '')}.`;
}
