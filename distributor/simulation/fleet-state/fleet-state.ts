/**
 * Keeps all that the distributor keeps in memory, by the ports of the databases: what a simulation runs on. Nothing of
 * it lasts, one process has it to itself, and a count is as quick in a large fleet as in a small one.
 */
import type { DeviceId } from '../../../contract/device-api/check.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { campaignChanged, planApplied } from '../../events/audit.ts';
import type { AuditEvent } from '../../events/ports.ts';
import type { LinkKey } from '../../fleet/access/signed-link.ts';
import type { FleetState, KeptReports } from '../../fleet/ports.ts';
import { type CampaignAttempt, type CampaignKey, type CampaignState, campaignText } from '../../rollout/campaign.ts';
import type { CountQuestion } from '../../rollout/campaigns/ports.ts';
import type { Transition } from '../../rollout/campaigns/transition.ts';
import type { WaveCounts } from '../../rollout/standing.ts';
import { CampaignTable } from './campaigns.ts';
import { Checks } from './checks.ts';
import { Devices, sight } from './devices.ts';
import { History } from './history.ts';
import { Reports } from './reports.ts';
import { attemptEntryOf, MemoryTables } from './tables.ts';
import { Tokens } from './tokens.ts';

/** What can be asked of it at once, besides. */
export interface FleetInMemory extends FleetState {
  /** The device was heard without having anything to say. */
  heard(id: DeviceId, at: number): void;
  lastSeenAt(id: DeviceId): number | undefined;
  attemptOf(id: DeviceId, key: CampaignKey): CampaignAttempt | undefined;
  countNow(key: CampaignKey, question: CountQuestion): WaveCounts[];
  /** Grows when counts of the campaign may have changed. */
  countsRevision(key: CampaignKey): number;
  /** When they change by time alone; Infinity for never. */
  countsChangeAt(key: CampaignKey): number;
}

interface InMemoryUse extends KeptReports {
  /** Told of each change of a campaign when it was made. */
  readonly onTransition?: (state: CampaignState, transition: Transition, at: number) => void;
}

export function fleetInMemory({ keptReports = 8, onTransition }: InMemoryUse = {}): FleetInMemory {
  const tables = new MemoryTables();
  const tokens = new Tokens();
  const devices = new Devices(tables, tokens);
  const campaigns = new CampaignTable(tables);
  const history = new History(tables);
  const checks = new Checks({ tables, devices, tokens, planSha256: () => history.plan?.contentSha256 });
  const reports = new Reports(devices, keptReports);
  let linkKeys: readonly LinkKey[] = [];
  let isOpen = true;
  const open = () => {
    if (!isOpen) throw new SlipwayError('database-unavailable', 'the fleet in memory is closed');
  };
  const serve =
    <Given extends unknown[], T>(work: (...given: Given) => T) =>
    async (...given: Given): Promise<T> => {
      open();
      return work(...given);
    };
  /** An act and the event that tells of it: both or neither. */
  const told = <T>(event: AuditEvent | undefined, act: () => T, isDone: (result: T) => boolean): T => {
    history.check(event);
    const result = act();
    if (event && isDone(result)) history.append(event);
    return result;
  };
  const done = Boolean;
  return {
    location: 'memory',

    saveToken: serve((token, event) =>
      told(
        event,
        () => tokens.save(token),
        () => true,
      ),
    ),
    findToken: serve((hash) => tokens.find(hash)),
    tokenOfId: serve((id) => tokens.ofId(id)),
    listTokens: serve((page) => tokens.list(page, (id) => devices.find(id)?.lastSeenAt)),
    recordTokenUse: serve((uses) => tokens.recordUse(uses)),
    revokeToken: serve((id, at, event) => told(event, () => tokens.revoke(id, at), done)),

    enrol: serve((enrolment, event) =>
      told(
        event,
        () => devices.enrol(enrolment),
        (outcome) => outcome === 'enrolled',
      ),
    ),
    findDevice: serve((id) => devices.find(id)),
    findProfile: serve((id) => devices.profile(id)),
    listDevices: serve((page) => devices.list(page)),
    countDevices: serve(() => tables.devices.size),
    countTroubles: serve(() => devices.countTroubles()),
    membersOf: serve((product, page, saying) => devices.membersOf(product, page, saying)),
    forgetDevice: serve((id, event) => told(event, () => devices.forget(id), done)),
    registerKey: serve((id, publicKey, event) =>
      told(
        event,
        () => devices.registerKey(id, publicKey),
        (outcome) => outcome === 'registered',
      ),
    ),
    signIn: serve((signedIn) => devices.signIn(signedIn)),
    decideDevice: serve((id, status, at, event) =>
      told(
        event,
        () => devices.decide(id, status, at),
        (outcome) => outcome === 'done',
      ),
    ),
    keepWatch: serve((id, watch, event) => told(event, () => devices.keepWatch(id, watch), done)),
    giveLabels: serve((id, labels, event) => told(event, () => devices.giveLabels(id, labels), done)),
    revokeDevice: serve((id, at, event) => told(event, () => devices.revoke(id, at), done)),
    async answerCheck(arrival, judge, find) {
      open();
      return checks.answer(arrival, judge, find);
    },
    readFacts: serve((question) => checks.readFacts(question)),
    async storeReports(id, list, rules, at) {
      open();
      return reports.store(id, list, rules, at);
    },
    listReports: serve((id, limit) => tables.devices.get(id)?.reports.toReversed().slice(0, limit) ?? []),

    loadCampaigns: serve(() => campaigns.load()),
    applyTransition: serve((key, transition, at, actor) => {
      const state = campaigns.apply(key, transition, at);
      if (!state) return false;
      history.append(campaignChanged(transition, state, actor, at));
      onTransition?.(state, transition, at);
      return true;
    }),
    attemptsOf: serve((id) => campaigns.attemptsOf(id)),
    countWaves: serve((key, question) => campaigns.count(key, question)),
    unaskedOf: serve((key, product, page) => devices.unaskedOf(key, product, page)),
    countHolds: serve((key, heardAfter) => campaigns.countHolds(key, heardAfter)),

    loadPlan: serve(() => history.plan),
    savePlan: serve((applied) =>
      told(
        planApplied(applied),
        () => history.put(applied),
        () => true,
      ),
    ),
    listAppliedPlans: serve((limit) => history.plans(limit)),
    recordRefusal: serve((refused, at) => history.refuse(refused, at)),

    appendEvent: serve((event) => history.append(event)),
    listEvents: serve((after, limit) => history.events(after, limit)),
    lastEventId: serve(() => history.lastId),

    // No device of a simulation follows a link.
    linkKeys: serve((fresh, lifeMs) => {
      linkKeys = linkKeys.filter(({ createdAt }) => createdAt >= fresh.createdAt - 2 * lifeMs);
      const isDue = (linkKeys[0]?.createdAt ?? Number.NEGATIVE_INFINITY) <= fresh.createdAt - lifeMs;
      if (isDue) linkKeys = [fresh, ...linkKeys];
      return [...linkKeys];
    }),

    asLeader: (work) => work(),
    prune: serve((retention, now) => history.prune(retention, now)),
    ping: serve(() => {}),
    close: async () => {
      isOpen = false;
    },

    heard(id, at) {
      const entry = tables.devices.get(id);
      if (entry) sight(entry, at);
    },
    lastSeenAt: (id) => tables.devices.get(id)?.record.lastSeenAt,
    attemptOf(id, key) {
      const entry = tables.devices.get(id);
      return entry && attemptEntryOf(entry, key)?.attempt;
    },
    countNow: (key, question) => campaigns.count(key, question),
    countsRevision: (key) => tables.campaigns.get(campaignText(key))?.tally.revision ?? 0,
    countsChangeAt: (key) => tables.campaigns.get(campaignText(key))?.tally.nextChangeAt() ?? Number.POSITIVE_INFINITY,
  };
}
