/** Runs one check of a device on the fleet in memory: reads, lets judge, records. */
import type { DevicePhase } from '../../../contract/device-api/check.ts';
import { type Watched, watchCheck } from '../../fleet/identity/machine-watch.ts';
import type { CheckArrival, CheckFacts, DeviceRecord, FactsQuestion } from '../../fleet/ports.ts';
import { type CampaignKey, campaignText } from '../../rollout/campaign.ts';
import type { Peer, Spending } from '../../rollout/deciding/decide-input.ts';
import type { Finding } from '../../rollout/deciding/findings.ts';
import type { Decision, UpdateDecision } from '../../rollout/decision.ts';
import { slotOf } from '../../rollout/spending-slot.ts';
import { type Devices, touchAttempts } from './devices.ts';
import {
  type AttemptEntry,
  attemptEntryOf,
  type CampaignEntry,
  type DeviceEntry,
  type MemoryTables,
} from './tables.ts';
import type { Tokens } from './tokens.ts';

interface Near {
  readonly tables: MemoryTables;
  readonly devices: Devices;
  readonly tokens: Tokens;
  readonly planSha256: () => CheckFacts['planSha256'];
}

export class Checks {
  readonly #near: Near;

  constructor(near: Near) {
    this.#near = near;
  }

  /** See DeviceStore.answerCheck. */
  answer<Judged extends Decision | undefined>(
    arrival: CheckArrival,
    judge: (facts: CheckFacts, watched: Watched) => Judged,
    find?: (facts: CheckFacts) => readonly Finding[],
  ): Judged {
    const { deviceId, at, check } = arrival;
    this.#admit(arrival);
    const entry = this.#near.devices.acceptedOnly(deviceId);
    const facts = this.#facts(entry, arrival);
    const watched = watchCheck(facts.device.watch, check, at);
    const judged = judge(facts, watched);
    const decision: Decision | undefined = judged;
    if (decision === undefined) return judged;
    const findings = find?.(facts) ?? [];
    this.#record(entry, arrival, watched);
    for (const finding of findings) this.#find(entry, finding, at);
    if (decision.kind === 'update') this.#offer(entry, decision, arrival);
    if (decision.kind === 'revert') {
      const known = attemptEntryOf(entry, keyOf(decision));
      if (known) known.attempt.revertedAt = at;
    }
    touchAttempts(entry, at);
    return judged;
  }

  readFacts(question: FactsQuestion): CheckFacts | undefined {
    const entry = this.#near.tables.devices.get(question.deviceId);
    return entry && { ...this.#facts(entry, question), device: { ...entry.record } };
  }

  #admit({ deviceId, bearer }: CheckArrival): void {
    if (!bearer) return;
    const token = bearer.tokenHash === undefined ? undefined : this.#near.tokens.find(bearer.tokenHash);
    bearer.admit(token, this.#near.tables.devices.get(deviceId)?.record.status);
  }

  #facts(entry: DeviceEntry, question: FactsQuestion): CheckFacts {
    const { campaigns } = this.#near.tables;
    const spent = question.budgets.length === 0 ? nothingSpent : this.#spent(question);
    return {
      device: entry.record,
      attempts: entry.attempts.map(({ attempt }) => attempt),
      peers: question.wantsPeers ? this.#peers(entry, question) : [],
      campaign: (rollout, version) => campaigns.get(campaignText({ rollout, version }))?.state,
      spending: (key) => spent.get(campaignText(key)),
      planSha256: this.#near.planSha256(),
    };
  }

  #spent({ budgets, at }: FactsQuestion): ReadonlyMap<string, Spending> {
    const none: Spending = { bytes: 0, reserved: 0, meanBytes: undefined };
    const { campaigns } = this.#near.tables;
    return new Map(
      budgets.map((key) => {
        const text = campaignText(key);
        return [text, campaigns.get(text)?.spendings.of(key.perSeconds, at) ?? none];
      }),
    );
  }

  #peers(entry: DeviceEntry, question: FactsQuestion): Peer[] {
    const since = question.at - question.peerTimeoutSeconds * 1000;
    return this.#near.tables
      .near(question)
      .filter((other) => other !== entry && other.record.status === 'accepted')
      .map((other): Peer => {
        const { id, product, site, cluster, role, current, lastSeenAt } = other.record;
        const isUpdating = isInTheMiddle(other.record, since) || other.attempts.some((each) => isOpen(each, since));
        return { id, product, site, cluster, role, current: current?.version, isUpdating, lastSeenAt };
      });
  }

  #record(entry: DeviceEntry, { at, check, vouched }: CheckArrival, { watch }: Watched): void {
    const { product, platform, labels, updaterVersion, current, counterFloor, phase, rejected } = check;
    const told = check.schemaVersion === 1 ? undefined : check;
    this.#near.tables.move(entry, vouched);
    const { record } = entry;
    record.product = product;
    record.platform = platform;
    record.labels = labels;
    record.updaterVersion = updaterVersion;
    record.current = current;
    record.counterFloor = counterFloor;
    record.phase = phase;
    record.rejected = rejected;
    record.site = vouched.site;
    record.cluster = vouched.cluster;
    record.role = vouched.role;
    record.troubles = told?.troubles;
    record.box = told?.box;
    record.watch = watch;
    record.lastSeenAt = at;
  }

  #offer(entry: DeviceEntry, decision: UpdateDecision, { at, budgets }: CheckArrival): void {
    const key = keyOf(decision);
    const { release, place, generation, isRetry } = decision;
    const { attempt, campaign } = this.#attempt(entry, key, place, at);
    const hasBudget = budgets.some((budget) => campaignText(budget) === campaignText(key));
    const reservedSlot = hasBudget ? slotOf(at) : undefined;
    if (attempt.reservedSlot !== reservedSlot) {
      if (attempt.reservedSlot !== undefined) campaign.spendings.reserve(attempt.reservedSlot, -1);
      if (reservedSlot !== undefined) campaign.spendings.reserve(reservedSlot, 1);
    }
    const offered = { offeredVersion: release.version, offeredAt: at, foundAt: undefined };
    Object.assign(attempt, { ...offered, place, generation, reservedSlot, ...(isRetry ? startedOver : {}) });
  }

  #find(entry: DeviceEntry, finding: Finding, at: number): void {
    if (finding.kind === 'runs') {
      const { attempt } = this.#attempt(entry, finding, finding.place, at);
      const { generation, isRetry } = finding;
      Object.assign(attempt, { foundAt: attempt.foundAt ?? at, generation, ...(isRetry ? startedOver : {}) });
      return;
    }
    const attempt = attemptEntryOf(entry, finding)?.attempt;
    const isFound = attempt?.foundAt !== undefined && attempt.outcome === undefined;
    if (!attempt || (!isFound && attempt.outcome !== 'committed')) return;
    const failed = { outcome: 'rolled-back', fault: 'release', settledAt: at };
    const open = { outcome: undefined, fault: undefined, settledAt: undefined };
    Object.assign(attempt, { foundAt: undefined, code: undefined, ...(finding.kind === 'fell-back' ? failed : open) });
  }

  #attempt(entry: DeviceEntry, key: CampaignKey, place: number, at: number): AttemptEntry {
    const known = attemptEntryOf(entry, key);
    if (known) return known;
    const campaign = this.#near.tables.campaign(key);
    const made = newAttempt(entry, campaign, place, at);
    campaign.attempts.push(made);
    entry.attempts.push(made);
    return made;
  }
}

const nothingSpent: ReadonlyMap<string, Spending> = new Map();

/** Forgets how the last try ended. */
const startedOver = {
  phase: undefined,
  outcome: undefined,
  code: undefined,
  fault: undefined,
  settledAt: undefined,
};

function newAttempt(device: DeviceEntry, campaign: CampaignEntry, place: number, at: number): AttemptEntry {
  const { rollout, version } = campaign.key;
  const attempt: AttemptEntry['attempt'] = {
    ...{ rollout, version, deviceId: device.record.id, place, offeredVersion: version, generation: 0, lastSeenAt: at },
    ...{ offeredAt: undefined, foundAt: undefined, revertedAt: undefined, bytesOnWire: undefined },
    ...startedOver,
    ...{ phaseSequence: 0, outcomeSequence: 0, bytesSequence: 0, bytesOf: undefined, reservedSlot: undefined },
  };
  return { device, campaign, attempt, index: campaign.attempts.length, counted: undefined };
}

/** In the others a device is busy, for its neighbours. */
const restingPhases: readonly DevicePhase[] = ['idle', 'committed', 'rolled-back'];

function isInTheMiddle({ phase, lastSeenAt }: DeviceRecord, since: number): boolean {
  return phase !== undefined && !restingPhases.includes(phase) && lastSeenAt !== undefined && lastSeenAt > since;
}

function isOpen({ attempt: { outcome, foundAt, offeredAt } }: AttemptEntry, since: number): boolean {
  return outcome === undefined && foundAt === undefined && (offeredAt ?? 0) > since;
}

function keyOf({ rollout, goal }: Pick<UpdateDecision, 'rollout' | 'goal'>): CampaignKey {
  return { rollout: rollout.name, version: goal.version };
}
