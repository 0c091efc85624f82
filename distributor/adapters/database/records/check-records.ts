/** Runs one check of a device as one step on the fleet database: read, let judge, record. */
import type { Kysely } from 'kysely';
import type { CheckRequest, Trouble } from '../../../../contract/device-api/check.ts';
import type { Digest } from '../../../../contract/digest.ts';
import { SlipwayError } from '../../../../contract/errors.ts';
import { requireAccepted } from '../../../fleet/identity/accepted-device.ts';
import type { DeviceStatus } from '../../../fleet/identity/identity-ports.ts';
import { type Watched, watchCheck } from '../../../fleet/identity/machine-watch.ts';
import type { CheckArrival, CheckFacts, DeviceRecord, FactsQuestion } from '../../../fleet/ports.ts';
import type { CampaignKey } from '../../../rollout/campaign.ts';
import type { Spending } from '../../../rollout/deciding/decide-input.ts';
import type { Finding } from '../../../rollout/deciding/findings.ts';
import type { Decision, UpdateDecision } from '../../../rollout/decision.ts';
import { slotOf } from '../../../rollout/spending-slot.ts';
import type { OftenUse } from '../fleet-database.ts';
import type { FleetTables } from '../fleet-tables.ts';
import { affectedBy, type DatabaseStep } from '../step.ts';
import { type AttemptRecords, type AttemptRow, attemptOfRow } from './attempt-records.ts';
import type { CampaignRecords } from './campaign-records.ts';
import { type DeviceRecords, type DeviceRow, deviceOf } from './device-records.ts';
import type { PeerRecords } from './peer-records.ts';
import { type SpendingRecords, spendingLock } from './spending-records.ts';
import type { TokenRecords } from './token-records.ts';

export interface Neighbours {
  readonly tokens: TokenRecords;
  readonly devices: DeviceRecords;
  readonly attempts: AttemptRecords;
  readonly campaigns: CampaignRecords;
  readonly peers: PeerRecords;
  readonly spending: SpendingRecords;
}

interface ReadFacts {
  readonly row: DeviceRow;
  readonly attempts: readonly AttemptRow[];
  readonly facts: CheckFacts;
}

export function checkRecords(db: Kysely<FleetTables>, near: Neighbours) {
  function* read(row: DeviceRow, question: FactsQuestion): DatabaseStep<ReadFacts> {
    const attempts = yield* near.attempts.ofDevice(row.number);
    const known = yield* near.campaigns.known(row.revision);
    const peers = question.wantsPeers ? yield* near.peers.of(row.number, question) : [];
    const spent = new Map<string, Spending>();
    for (const { rollout, version, perSeconds } of question.budgets) {
      const campaign = known(rollout, version);
      const none = { bytes: 0, reserved: 0, meanBytes: undefined };
      const sum = campaign ? yield* near.spending.of(campaign.id, perSeconds, question.at) : none;
      spent.set(keyText({ rollout, version }), sum);
    }
    const facts: CheckFacts = {
      device: deviceOf(row),
      attempts: attempts.map((attempt) => attemptOfRow(attempt, row.id, row.last_seen_at)),
      peers,
      campaign: (rollout, version) => known(rollout, version)?.state,
      spending: (key) => spent.get(keyText(key)),
      planSha256: (row.plan_sha256 ?? undefined) as Digest | undefined,
    };
    return { row, attempts, facts };
  }

  function* record({ row, facts }: ReadFacts, arrival: CheckArrival, { watch }: Watched): DatabaseStep<void> {
    const watchText = watch === facts.device.watch ? row.watch : JSON.stringify(watch);
    const changed = changes(row, toColumns(arrival, watchText));
    if (changed) yield* affectedBy(db.updateTable('device').set(changed).where('number', '=', row.number));
    yield* near.devices.sight(row.number, arrival.at);
  }

  function* recordOffer(
    { row, attempts }: ReadFacts,
    decision: UpdateDecision,
    arrival: CheckArrival,
  ): DatabaseStep<void> {
    const key = keyOf(decision);
    const known = attempts.find(({ rollout, version }) => rollout === key.rollout && version === key.version);
    const campaign = known?.campaign ?? (yield* near.campaigns.numberOf(key, arrival.at)).id;
    const hasBudget = arrival.budgets.some(({ rollout, version }) => keyText({ rollout, version }) === keyText(key));
    const reserved = hasBudget ? slotOf(arrival.at) : null;
    const before = known?.reserved_slot ?? null;
    if (before !== reserved) {
      if (before !== null) yield* near.spending.release(campaign, before);
      if (reserved !== null) yield* near.spending.reserve(campaign, reserved);
    }
    const { release, place, generation, isRetry } = decision;
    const values = {
      campaign,
      device: row.number,
      place,
      generation,
      offered_at: arrival.at,
      offered_version: release.version === key.version ? null : release.version,
      reserved_slot: reserved,
    };
    yield* near.attempts.offer(values, isRetry);
  }

  function* recordFinding({ row, attempts }: ReadFacts, finding: Finding, at: number): DatabaseStep<void> {
    const { rollout, version } = finding;
    const known = attempts.find((attempt) => attempt.rollout === rollout && attempt.version === version);
    const campaign = known?.campaign ?? (yield* near.campaigns.numberOf({ rollout, version }, at)).id;
    if (finding.kind === 'runs') {
      const { place, generation, isRetry } = finding;
      yield* near.attempts.find({ campaign, device: row.number, place, generation, found_at: at }, isRetry);
    } else yield* near.attempts.lose(campaign, row.number, finding.kind === 'fell-back', at);
  }

  return {
    /** See DeviceStore.answerCheck. */
    *answer<Judged extends Decision | undefined>(
      arrival: CheckArrival,
      judge: (facts: CheckFacts, watched: Watched) => Judged,
      find?: (facts: CheckFacts) => readonly Finding[],
    ): DatabaseStep<Judged> {
      const known = yield* near.devices.row(arrival.deviceId);
      if (arrival.bearer) {
        const { tokenHash, admit } = arrival.bearer;
        const token = tokenHash === undefined ? undefined : yield* near.tokens.find(tokenHash);
        admit(token, known?.status as DeviceRecord['status'] | undefined);
      }
      const row = acceptedOnly(arrival.deviceId, known);
      const before = yield* read(row, arrival);
      const { check, at } = arrival;
      const watched = watchCheck(before.facts.device.watch, check, at);
      const judged = judge(before.facts, watched);
      const decision: Decision | undefined = judged;
      if (decision === undefined) return judged;
      const findings = find?.(before.facts) ?? [];
      yield* record(before, arrival, watched);
      for (const finding of findings) yield* recordFinding(before, finding, at);
      if (decision.kind === 'update') yield* recordOffer(before, decision, arrival);
      if (decision.kind === 'revert') yield* near.attempts.revert(keyOf(decision), row.number, at);
      return judged;
    },

    *readFacts(question: FactsQuestion): DatabaseStep<CheckFacts | undefined> {
      const row = yield* near.devices.row(question.deviceId);
      return row && (yield* read(row, question)).facts;
    },
  };
}

/** Checks of one place or budget come one after the other: their devices must not be offered at once. */
export function useOf({ deviceId, wantsPeers, site, cluster, budgets }: FactsQuestion): OftenUse {
  const locks = [
    ...(wantsPeers && site !== undefined ? [`site ${site}`] : []),
    ...(wantsPeers && cluster !== undefined ? [`cluster ${cluster}`] : []),
    ...budgets.map((key) => `budget ${keyText(key)}`),
  ];
  return { device: deviceId, locks, replicas: budgets.length === 0 ? [] : [spendingLock] };
}

/** @throws SlipwayError `device-unknown`, and those of requireAccepted */
export function acceptedOnly(id: string, row: DeviceRow | undefined): DeviceRow {
  if (!row) throw new SlipwayError('device-unknown', `device ${id} is not enrolled`);
  requireAccepted(id, row.status as DeviceStatus);
  return row;
}

/** What a check says about its device, as the row has it. */
function toColumns({ check, vouched: { site, cluster, role } }: CheckArrival, watch: string | null) {
  const { product, platform, labels, updaterVersion, current, counterFloor, phase, rejected }: CheckRequest = check;
  return {
    product,
    platform,
    labels: JSON.stringify(labels),
    role,
    phase,
    site: site ?? null,
    cluster: cluster ?? null,
    updater_version: updaterVersion,
    current_version: current?.version ?? null,
    current_counter: current?.counter ?? null,
    current_sha256: current?.manifestSha256 ?? null,
    counter_floor: counterFloor,
    rejected: rejected.length === 0 ? null : JSON.stringify(rejected),
    troubles: check.schemaVersion === 1 ? null : JSON.stringify(check.troubles),
    watch,
    trouble_codes: check.schemaVersion === 1 ? null : codesText(check.troubles),
    box: check.schemaVersion === 1 || check.box === undefined ? null : JSON.stringify(check.box),
  };
}

/** The same for the same codes, so that devices can be counted by it. */
function codesText(troubles: readonly Trouble[]): string | null {
  const codes = new Set(troubles.map(({ code, fault }) => `${fault}/${code}`));
  return codes.size === 0 ? null : [...codes].sort().join(' ');
}

type Columns = ReturnType<typeof toColumns>;

/** Undefined where nothing differs, which is what most checks bring. */
function changes(row: DeviceRow, columns: Columns): Partial<Columns> | undefined {
  const names = Object.keys(columns) as (keyof Columns)[];
  const changed = names.filter((name) => row[name] !== columns[name]);
  if (changed.length === 0) return undefined;
  return Object.fromEntries(changed.map((name) => [name, columns[name]]));
}

function keyOf({ rollout, goal }: Pick<UpdateDecision, 'rollout' | 'goal'>): CampaignKey {
  return { rollout: rollout.name, version: goal.version };
}

function keyText({ rollout, version }: CampaignKey): string {
  return `${rollout}\0${version}`;
}
