/** Keeps devices and their enrolment in memory, and shows them as operators ask for them. */
import type { DeviceId, Labels } from '../../../contract/device-api/check.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import type { DevicePage, Member } from '../../fleet/device-page.ts';
import { afterDecision } from '../../fleet/identity/acceptance.ts';
import { requireAccepted } from '../../fleet/identity/accepted-device.ts';
import type { KeyOutcome, SignIn, SignInOutcome, StatusOutcome } from '../../fleet/identity/identity-ports.ts';
import type { MachineWatch } from '../../fleet/identity/machine-watch.ts';
import { takeNonce } from '../../fleet/identity/nonces.ts';
import type { DeviceProfile, DeviceRecord, Enrolment, EnrolmentOutcome, TroubleCount } from '../../fleet/ports.ts';
import { ReceivedSequences } from '../../fleet/received-sequences.ts';
import type { CampaignKey } from '../../rollout/campaign.ts';
import { attemptEntryOf, type DeviceEntry, type MemoryTables } from './tables.ts';
import type { Tokens } from './tokens.ts';

export class Devices {
  readonly #tables: MemoryTables;
  readonly #tokens: Tokens;

  constructor(tables: MemoryTables, tokens: Tokens) {
    this.#tables = tables;
    this.#tokens = tokens;
  }

  find(id: DeviceId): DeviceRecord | undefined {
    const entry = this.#tables.devices.get(id);
    return entry && { ...entry.record };
  }

  profile(id: DeviceId): DeviceProfile | undefined {
    const entry = this.#tables.devices.get(id);
    return entry && profileOf(entry);
  }

  list(page: DevicePage): DeviceProfile[] {
    return this.#tables.page(page, () => true).map(profileOf);
  }

  membersOf(product: string, page: DevicePage, saying?: string): Member[] {
    const says = ({ labels, givenLabels }: DeviceRecord) =>
      saying === undefined || Object.hasOwn(labels, saying) || Object.hasOwn(givenLabels, saying);
    return this.#tables.page(page, ({ record }) => isOf(record, product) && says(record)).map(memberOf);
  }

  /** See UnaskedStore. */
  unaskedOf(key: CampaignKey, product: string, page: DevicePage): Member[] {
    const accepts = (entry: DeviceEntry) => isOf(entry.record, product) && attemptEntryOf(entry, key) === undefined;
    return this.#tables.page(page, accepts).map(memberOf);
  }

  countTroubles(): TroubleCount[] {
    const counts = new Map<string, TroubleCount>();
    for (const { record } of this.#tables.devices.values()) {
      if (record.status !== 'accepted') continue;
      const told = new Map(record.troubles?.map(({ code, fault }) => [`${fault}/${code}`, { code, fault }]));
      for (const [name, trouble] of told) {
        counts.set(name, { ...trouble, devices: (counts.get(name)?.devices ?? 0) + 1 });
      }
    }
    return [...counts.values()];
  }

  enrol({ device, status, publicKey, deviceToken, enrolmentTokenId, at }: Enrolment): EnrolmentOutcome {
    const known = this.#tables.devices.get(device.id);
    if (known) {
      const isRepeat = known.enrolledBy === enrolmentTokenId && known.record.lastSeenAt === undefined;
      if (!isRepeat || !['accepted', 'pending'].includes(known.record.status)) return 'device-exists';
      known.record.publicKey = publicKey;
      for (const token of this.#tokens.of(device.id)) this.#tokens.remove(token);
      this.#tokens.save(deviceToken);
      return 'repeated';
    }
    if (!this.#tokens.spend(enrolmentTokenId, at)) return 'token-spent';
    this.#tokens.save(deviceToken);
    this.#tables.addDevice({
      record: { ...newRecord(device, at), status, publicKey },
      enrolledBy: enrolmentTokenId,
      nonces: [],
      received: ReceivedSequences.parse(0, null),
      reports: [],
      attempts: [],
    });
    return 'enrolled';
  }

  forget(id: DeviceId): boolean {
    const entry = this.#tables.devices.get(id);
    if (!entry) return false;
    for (const token of this.#tokens.of(id)) this.#tokens.remove(token);
    for (const { attempt, campaign } of entry.attempts) {
      if (attempt.reservedSlot !== undefined) campaign.spendings.reserve(attempt.reservedSlot, -1);
    }
    this.#tables.removeDevice(entry);
    return true;
  }

  registerKey(id: DeviceId, publicKey: string): KeyOutcome {
    const record = this.#tables.devices.get(id)?.record;
    if (!record) return 'unknown';
    if (record.publicKey !== undefined) return record.publicKey === publicKey ? 'known' : 'another-key';
    record.publicKey = publicKey;
    return 'registered';
  }

  signIn({ deviceId, publicKey, bearer, at, ...signed }: SignIn): SignInOutcome {
    const entry = this.#tables.devices.get(deviceId);
    if (entry?.record.status !== 'accepted' || entry.record.publicKey !== publicKey) return 'not-accepted';
    const nonces = takeNonce(entry.nonces, signed, at);
    if (typeof nonces === 'string') return nonces;
    entry.nonces = nonces;
    for (const token of this.#tokens.of(deviceId)) if ((token.expiresAt ?? 0) <= at) this.#tokens.remove(token);
    this.#tokens.save(bearer);
    return 'signed-in';
  }

  decide(id: DeviceId, status: 'accepted' | 'rejected', at: number): StatusOutcome {
    const entry = this.#tables.devices.get(id);
    if (!entry) return 'unknown';
    const { record } = entry;
    const outcome = afterDecision(record.status, status);
    if (outcome === 'same' && record.watch?.sharedAt !== undefined) {
      record.watch = undefined;
      entry.reports = [];
      return 'done';
    }
    if (outcome === 'done') Object.assign(record, { status, enrolledAt: at });
    return outcome;
  }

  keepWatch(id: DeviceId, watch: MachineWatch): boolean {
    const entry = this.#tables.devices.get(id);
    if (entry) entry.record.watch = watch;
    return entry !== undefined;
  }

  giveLabels(id: DeviceId, labels: Labels): boolean {
    const entry = this.#tables.devices.get(id);
    if (entry) entry.record.givenLabels = labels;
    return entry !== undefined;
  }

  revoke(id: DeviceId, at: number): boolean {
    const entry = this.#tables.devices.get(id);
    if (!entry) return false;
    for (const token of this.#tokens.of(id)) this.#tokens.revoke(token.id, at);
    entry.record.status = 'revoked';
    return true;
  }

  /** @throws SlipwayError `device-unknown`, and those of requireAccepted */
  acceptedOnly(id: DeviceId): DeviceEntry {
    const entry = this.#tables.devices.get(id);
    if (!entry) throw new SlipwayError('device-unknown', `device ${id} is not enrolled`);
    requireAccepted(id, entry.record.status);
    return entry;
  }
}

/** Notes that a device was heard, for itself and its attempts. */
export function sight(entry: DeviceEntry, at: number): void {
  entry.record.lastSeenAt = at;
  touchAttempts(entry, at);
}

/** Notes for its attempts that a device was heard, and counts them anew. */
export function touchAttempts(entry: DeviceEntry, at: number): void {
  for (const each of entry.attempts) {
    each.attempt.lastSeenAt = at;
    each.campaign.tally.touch(each, at);
  }
}

function newRecord(device: Enrolment['device'], enrolledAt: number): DeviceRecord {
  return {
    ...device,
    status: 'accepted',
    publicKey: undefined,
    enrolledAt,
    site: undefined,
    cluster: undefined,
    role: 'server',
    lastSeenAt: undefined,
    updaterVersion: undefined,
    current: undefined,
    counterFloor: 0,
    phase: undefined,
    rejected: [],
    acknowledgedThrough: 0,
    troubles: undefined,
    watch: undefined,
    box: undefined,
  };
}

function isOf({ product, status }: DeviceRecord, wanted: string): boolean {
  return product === wanted && status === 'accepted';
}

function memberOf({ record: { id, labels, givenLabels, enrolledAt, current } }: DeviceEntry): Member {
  return { id, labels, givenLabels, enrolledAt, current: current?.version };
}

function profileOf({ record, reports, attempts }: DeviceEntry): DeviceProfile {
  let last: { readonly key: CampaignKey; readonly at: number } | undefined;
  for (const { attempt, campaign } of attempts) {
    const { offeredAt: at } = attempt;
    if (at !== undefined && at >= (last?.at ?? 0)) last = { key: campaign.key, at };
  }
  return { ...record, lastReport: reports.at(-1), lastOffer: last?.key };
}
