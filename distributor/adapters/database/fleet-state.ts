/**
 * Keeps all that the distributor keeps, over either database: which records answer what, and what runs under which
 * lock.
 */
import type { AuditEvent } from '../../events/ports.ts';
import type { FleetState, KeptReports } from '../../fleet/ports.ts';
import type { FleetDatabase } from './fleet-database.ts';
import { attemptOfRow, attemptRecords } from './records/attempt-records.ts';
import { campaignRecords } from './records/campaign-records.ts';
import { checkRecords, useOf } from './records/check-records.ts';
import { deviceRecords, enrolmentLock } from './records/device-records.ts';
import { eventRecords, eventsLock } from './records/event-records.ts';
import { linkKeyRecords, linkKeysLock } from './records/link-key-records.ts';
import { peerRecords } from './records/peer-records.ts';
import { planRecords } from './records/plan-records.ts';
import { profileRecords } from './records/profile-records.ts';
import { reportRecords } from './records/report-records.ts';
import { prune, retentionRecords } from './records/retention-records.ts';
import { spendingLock, spendingRecords } from './records/spending-records.ts';
import { tokenRecords } from './records/token-records.ts';
import { type DatabaseStep, firstOf } from './step.ts';

const defaultKeptReports = 8;

export function fleetState(database: FleetDatabase, { keptReports = defaultKeptReports }: KeptReports): FleetState {
  const { builder: db } = database;
  const tokens = tokenRecords(db);
  const events = eventRecords(db);
  const plans = planRecords(db, events);
  const devices = deviceRecords(db);
  const campaigns = campaignRecords(db, events);
  const attempts = attemptRecords(db, campaigns);
  const near = { tokens, devices, campaigns, attempts, peers: peerRecords(db), spending: spendingRecords(db) };
  const checks = checkRecords(db, near);
  const reports = reportRecords(db, near, keptReports);
  const profiles = profileRecords(db);
  const links = linkKeyRecords(db);
  const retention = retentionRecords(db, events, plans);
  database.onLoss(() => campaigns.forget());
  const audited = [eventsLock];
  /** An act and the event that tells of it: both or neither. */
  const withEvent = <T>(
    act: () => DatabaseStep<T>,
    event: AuditEvent | undefined,
    isDone: (result: T) => boolean,
    locks: readonly string[] = [],
  ): Promise<T> => {
    if (event === undefined) return database.write(act, locks);
    const both = function* (): DatabaseStep<T> {
      const result = yield* act();
      if (isDone(result)) yield* events.append(event);
      return result;
    };
    return database.write(both, [...locks, ...audited]);
  };
  return {
    location: database.location,

    saveToken: (token, event) =>
      withEvent(
        () => tokens.save(token),
        event,
        () => true,
      ),
    findToken: (hash) => database.readOften(() => tokens.find(hash)),
    tokenOfId: (id) => database.read(() => tokens.ofId(id)),
    listTokens: (page) => database.read(() => tokens.list(page)),
    recordTokenUse: (uses) => database.write(() => tokens.recordUse(uses)),
    revokeToken: (id, at, event) => withEvent(() => tokens.revoke(id, at), event, Boolean),

    enrol: (enrolment, event) =>
      withEvent(
        () => devices.enrol(enrolment),
        event,
        (outcome) => outcome === 'enrolled',
        [enrolmentLock(enrolment.device.id)],
      ),
    findDevice: (id) => database.readOften(() => devices.find(id)),
    findProfile: (id) => database.read(() => profiles.find(id)),
    listDevices: (page) => database.read(() => profiles.list(page)),
    countTroubles: () => database.readAside(() => profiles.countTroubles()),
    countDevices: () => database.readAside(() => devices.count()),
    membersOf: (product, page, saying) => {
      const step = () => devices.membersOf(product, page, saying);
      // One that few say is looked for in all of them.
      return saying === undefined ? database.read(step) : database.readAside(step);
    },
    forgetDevice: (id, event) => withEvent(() => devices.forget(id), event, Boolean, [spendingLock]),
    registerKey: (id, publicKey, event) =>
      withEvent(
        () => devices.registerKey(id, publicKey),
        event,
        (outcome) => outcome === 'registered',
        [enrolmentLock(id)],
      ),
    signIn: (signedIn) => database.write(() => devices.signIn(signedIn), [enrolmentLock(signedIn.deviceId)]),
    decideDevice: (id, status, at, event) =>
      withEvent(
        () => devices.decide(id, status, at),
        event,
        (outcome) => outcome === 'done',
        [enrolmentLock(id)],
      ),
    keepWatch: (id, watch, event) => withEvent(() => devices.keepWatch(id, watch), event, Boolean),
    giveLabels: (id, labels, event) => withEvent(() => devices.giveLabels(id, labels), event, Boolean),
    revokeDevice: (id, at, event) => withEvent(() => devices.revoke(id, at), event, Boolean),
    answerCheck: (arrival, judge, find) =>
      database.writeOften(() => checks.answer(arrival, judge, find), useOf(arrival)),
    readFacts: (question) => database.read(() => checks.readFacts(question)),
    storeReports: (id, list, rules, at) =>
      database.writeOften(() => reports.store(id, list, rules, at), {
        device: id,
        locks: [`reports ${id}`],
        replicas: list.some(({ rollout }) => rollout !== undefined) ? [spendingLock] : [],
      }),
    listReports: (id, limit) => database.read(() => reports.list(id, limit)),

    loadCampaigns: () => database.read(() => campaigns.load()),
    applyTransition: (key, transition, at, actor) =>
      database.write(() => campaigns.apply(key, transition, at, actor), audited),
    attemptsOf: (id) =>
      database.read(function* () {
        const row = yield* devices.row(id);
        const found = row ? yield* attempts.ofDevice(row.number) : [];
        return found.map((attempt) => attemptOfRow(attempt, id, row?.last_seen_at ?? null));
      }),
    countWaves: (key, question) => database.readAside(() => attempts.countWaves(key, question)),
    unaskedOf: (key, product, page) => database.read(() => devices.unaskedOf(key, product, page)),
    countHolds: (key, heardAfter) => database.readAside(() => attempts.countHolds(key, heardAfter)),

    loadPlan: () => database.read(() => plans.load()),
    savePlan: (applied) => database.write(() => plans.save(applied), audited),
    listAppliedPlans: (limit) => database.read(() => plans.list(limit)),
    recordRefusal: (refused, at) => database.write(() => plans.refuse(refused, at), audited),

    appendEvent: (event) => database.write(() => events.append(event), audited),
    listEvents: (after, limit) => database.read(() => events.list(after, limit)),
    lastEventId: () => database.read(() => events.lastId()),

    linkKeys: (fresh, lifeMs) => database.write(() => links.keep(fresh, lifeMs), [linkKeysLock]),

    asLeader: (work) => database.asLeader(work),
    prune: (asked, now) => prune(database, retention, asked, now),
    async ping() {
      await database.read(() => firstOf(db.selectFrom('in_force').select('revision')));
      await database.checkPlace();
    },
    close: () => database.close(),
  };
}
