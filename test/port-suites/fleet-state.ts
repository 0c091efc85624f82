/** What every database of the fleet must do, whatever it is: tokens, devices, reports, plans and events. */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ToldBox } from '../../contract/device-api/box.ts';
import type { Trouble } from '../../contract/device-api/check.ts';
import { reportSchema } from '../../contract/device-api/report.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { emptyPlan } from '../../distributor/declaration/plan.ts';
import type { AuditEvent } from '../../distributor/events/ports.ts';
import { mintToken } from '../../distributor/fleet/access/token.ts';
import type { Enrolment, FleetState, TokenRecord } from '../../distributor/fleet/ports.ts';
import {
  anyReport,
  arrival,
  enrolAll,
  idle,
  key,
  nothing,
  offer,
  openWave,
  report,
  rolloutNamed,
} from '../fakes/fleet-facts.ts';

const told: AuditEvent = { at: 9, actor: 'token t', kind: 'tested', reason: 'For a test.' };
const { record: enrolling } = mintToken({ purpose: 'enrol', uses: 2, now: 0, randomBytes });

const enrolmentOf = (id: string): Enrolment => ({
  device: { id, product: 'edge', platform: 'linux/amd64', labels: {}, givenLabels: {} },
  ...{ status: 'accepted' as const, publicKey: undefined },
  enrolmentTokenId: enrolling.id,
  deviceToken: mintToken({ purpose: 'device', deviceId: id, now: 0, randomBytes }).record,
  at: 1,
});

async function prepare(state: FleetState): Promise<void> {
  await state.saveToken(enrolling);
  await state.enrol(enrolmentOf('a'));
}

/** Acts that the audit log tells of, on a state with one device and one enrolment token. */
const acts: readonly (readonly [string, (state: FleetState, event: AuditEvent) => Promise<unknown>])[] = [
  [
    'a token that is made',
    (state, event) => state.saveToken(mintToken({ purpose: 'ci', now: 0, randomBytes }).record, event),
  ],
  ['a token that is revoked', (state, event) => state.revokeToken(enrolling.id, 9, event)],
  ['a device that enrols', (state, event) => state.enrol(enrolmentOf('b'), event)],
  ['a key that is registered', (state, event) => state.registerKey('a', 'k', event)],
  ['a device that is given labels', (state, event) => state.giveLabels('a', { region: 'north' }, event)],
  ['a device that is revoked', (state, event) => state.revokeDevice('a', 9, event)],
  ['a device that is forgotten', (state, event) => state.forgetDevice('a', event)],
];

async function factsOf(state: FleetState): Promise<unknown> {
  return [await state.listTokens({ limit: 100 }), await state.listDevices({ limit: 9 })];
}

/** @param open a state over a new, empty database for each call */
export function fleetStateSuite(name: string, open: () => Promise<FleetState>): void {
  describe(`the state of a fleet in ${name}`, () => {
    it('gives a token back as it was saved, found by its hash alone', async () => {
      const state = await open();
      const { record } = mintToken({
        ...{ purpose: 'ci', scopes: ['devices:read'], lifetimeSeconds: 60, now: 5, randomBytes },
      });
      await state.saveToken(record);
      expect(await state.findToken(record.hash)).toEqual(record);
      expect(await state.findToken('0'.repeat(64))).toBeUndefined();
      expect(await state.revokeToken(record.id, 9)).toBe(true);
      expect(await state.revokeToken('none', 9)).toBe(false);
      expect((await state.listTokens({ limit: 100 })).map(({ revokedAt }) => revokedAt)).toEqual([9]);
      await state.close();
    });

    it('gives a bound token back with its scopes and its reach, by hash and by id', async () => {
      const state = await open();
      const reach = { products: ['k3s-edge'], groups: ['north'], rollouts: [], readOnly: true };
      const { record } = mintToken({ purpose: 'operator', scopes: ['devices:read'], reach, now: 5, randomBytes });
      await state.saveToken(record);
      expect(await state.findToken(record.hash)).toEqual(record);
      expect(await state.tokenOfId(record.id)).toEqual(record);
      expect(await state.tokenOfId('none')).toBeUndefined();
      expect((await state.listTokens({ limit: 9 })).map((token) => token.reach)).toEqual([reach]);
      await state.close();
    });

    it('keeps one key of links for all who ask, another one when it is old, and the old one for as long again', async () => {
      const state = await open();
      const keyAt = (id: string, createdAt: number) => ({ id, secret: `secret ${id}`, createdAt });
      const idsAt = async (id: string, at: number) => (await state.linkKeys(keyAt(id, at), 100)).map((key) => key.id);
      const [one, other] = await Promise.all([idsAt('a', 1000), idsAt('b', 1000)]);
      expect(one).toEqual(other);
      const [first = ''] = one;
      expect(await idsAt('c', 1099)).toEqual([first]);
      expect(await state.linkKeys(keyAt('d', 1100), 100)).toEqual([keyAt('d', 1100), keyAt(first, 1000)]);
      expect(await idsAt('e', 1201)).toEqual(['e', 'd']);
      await state.close();
    });

    it('lists tokens oldest first, page by page and by purpose, each with its last use', async () => {
      const state = await open();
      const records = [3, 1, 2, 2].map(
        (now) => mintToken({ purpose: 'ci', name: 'n', by: 'me', now, randomBytes }).record,
      );
      for (const record of records) await state.saveToken(record);
      await state.saveToken(enrolling);
      const seen: TokenRecord[] = [];
      for (let after: TokenRecord | undefined; ; after = seen.at(-1)) {
        const page = await state.listTokens({ purpose: 'ci', after, limit: 3 });
        seen.push(...page);
        if (page.length < 3) break;
      }
      expect(seen.map(({ createdAt }) => createdAt)).toEqual([1, 2, 2, 3]);
      expect(new Set(seen.map(({ id }) => id)).size).toBe(4);

      const [first] = seen as [TokenRecord];
      await state.recordTokenUse(
        new Map([
          [first.id, 70],
          ['gone', 70],
        ]),
      );
      await state.recordTokenUse(new Map([[first.id, 60]]));
      expect(await state.findToken(first.hash)).toEqual({ ...first, lastUsedAt: 70 });
      await state.enrol(enrolmentOf('a'));
      expect((await state.findToken(enrolling.hash))?.lastUsedAt).toBe(enrolmentOf('a').at);
      await state.close();
    });

    it('lists devices page by page, and those that may be offered something by product', async () => {
      const state = await open();
      await enrolAll(state, 'c', 'a', 'b');
      expect((await state.listDevices({ limit: 2 })).map(({ id }) => id)).toEqual(['a', 'b']);
      expect((await state.listDevices({ after: 'b', limit: 2 })).map(({ id }) => id)).toEqual(['c']);
      expect(await state.revokeDevice('c', 2)).toBe(true);
      expect(await state.countDevices()).toBe(3);
      expect((await state.membersOf('edge', { limit: 9 })).map(({ id }) => id)).toEqual(['a', 'b']);
      expect(await state.membersOf('other', { limit: 9 })).toEqual([]);
      const unasked = async (page = { limit: 9 }) => (await state.unaskedOf(key, 'edge', page)).map(({ id }) => id);
      expect(await unasked()).toEqual(['a', 'b']);
      await state.answerCheck(arrival('a', 5), () => offer());
      expect([await unasked(), await unasked({ limit: 0 })]).toEqual([['b'], []]);
      expect(await state.unaskedOf(key, 'edge', { after: 'b', limit: 9 })).toEqual([]);
      await state.close();
    });

    it('answers a flood of checks and reports as one after the other, though some of them fail', async () => {
      const [flood, slow] = [await open(), await open()];
      const ids = Array.from({ length: 40 }, (_, index) => `d-${String(index).padStart(2, '0')}`);
      const transfer = (bytesOnWire: number) => ({ bytesOnWire, fullBytes: 100, resumedFrom: 0 });
      const checkOf = (state: FleetState, id: string, index: number) => {
        const site = index % 5 === 0 ? { site: 'same', wantsPeers: true } : {};
        const check = { ...idle, labels: { n: `${index % 3}`, text: `"{,}\\'${id}` } };
        return state.answerCheck(arrival(id, 5 + index, { check, ...site }), () => {
          if (index % 11 === 3) throw new SlipwayError('forbidden', 'not this one');
          return index % 4 === 0 ? nothing : offer({ place: index / 40 });
        });
      };
      const reportsOf = (state: FleetState, id: string, index: number) => {
        const middle = report(1, { phase: 'staged', message: index % 2 === 0 ? 'a "b", {c}' : undefined });
        const last = report(2, { outcome: 'committed', transfer: transfer(index) });
        return state.storeReports(id, index % 6 === 0 ? [middle] : [last, middle], anyReport, 50 + index);
      };
      const endOf = (work: Promise<unknown>) => work.then(JSON.stringify, ({ code }) => code);
      const told: unknown[] = [];
      for (const state of [flood, slow]) {
        await enrolAll(state, ...ids);
        await state.revokeDevice('d-07', 2);
        for (const ask of [checkOf, reportsOf, reportsOf, checkOf]) {
          const asked = ids.map((id, index) => () => endOf(ask(state, id, index)));
          if (state === flood) told.push(await Promise.all(asked.map((one) => one())));
          else for (const one of asked) told.push(await one());
        }
      }
      expect(told.slice(4)).toEqual(told.slice(0, 4).flat());
      const standing = async (state: FleetState) => [
        (await state.listDevices({ limit: 99 })).map((device) => ({ ...device, enrolledAt: 0 })),
        await Promise.all(ids.map((id) => state.attemptsOf(id))),
        await Promise.all(ids.map((id) => state.listReports(id, 9))),
      ];
      expect(await standing(flood)).toEqual(await standing(slow));
      await Promise.all([flood.close(), slow.close()]);
    });

    it('spends a use of an enrolment token once, also when many come at the same time', async () => {
      const state = await open();
      const { record } = mintToken({ purpose: 'enrol', uses: 2, now: 0, randomBytes });
      await state.saveToken(record);
      const outcomes = await Promise.all(
        ['a', 'b', 'c', 'd'].map((id) =>
          state.enrol({
            device: { id, product: 'edge', platform: 'linux/amd64', labels: {}, givenLabels: {} },
            ...{ status: 'accepted' as const, publicKey: undefined },
            enrolmentTokenId: record.id,
            deviceToken: mintToken({ purpose: 'device', deviceId: id, now: 0, randomBytes }).record,
            at: 1,
          }),
        ),
      );
      expect(outcomes.sort()).toEqual(['enrolled', 'enrolled', 'token-spent', 'token-spent']);
      await state.close();
    });

    it('gives labels that were given apart from those that a device says, to whoever reads devices', async () => {
      const state = await open();
      const bound = { labels: { region: 'north' }, products: ['edge'], groups: ['north'] };
      const { record } = mintToken({ purpose: 'enrol', bound, now: 0, randomBytes });
      await state.saveToken(record);
      expect((await state.findToken(record.hash))?.bound).toEqual(bound);
      const { device, ...enrolment } = enrolmentOf('a');
      const given = { ...device, labels: { site: 's' }, givenLabels: bound.labels };
      await state.enrol({ ...enrolment, device: given, enrolmentTokenId: record.id });
      await state.answerCheck(arrival('a', 2), () => nothing);
      const seen = async () => [
        (await state.findDevice('a'))?.givenLabels,
        (await state.findProfile('a'))?.givenLabels,
        (await state.membersOf('edge', { limit: 9 }, 'region'))[0]?.givenLabels,
        (await state.unaskedOf(key, 'edge', { limit: 9 }))[0]?.givenLabels,
      ];
      expect(await seen()).toEqual(Array(4).fill(bound.labels));
      expect(await state.giveLabels('a', { region: 'south' })).toBe(true);
      expect(await seen()).toEqual(Array(4).fill({ region: 'south' }));
      expect(await state.giveLabels('none', {})).toBe(false);
      await state.close();
    });

    it('registers one key of a device, and lets that one sign in once for each nonce', async () => {
      const state = await open();
      await prepare(state);
      expect(await state.registerKey('a', 'k', told)).toBe('registered');
      expect(await state.registerKey('a', 'k', told)).toBe('known');
      expect(await state.registerKey('a', 'other', told)).toBe('another-key');
      expect(await state.registerKey('none', 'k', told)).toBe('unknown');
      expect(await state.listEvents(0, 9)).toHaveLength(1);
      expect((await state.findDevice('a'))?.publicKey).toBe('k');
      const signIn = async (nonce: string, at: number, publicKey = 'k') => {
        const { record } = mintToken({ purpose: 'device', deviceId: 'a', lifetimeSeconds: 60, now: at, randomBytes });
        const signed = { publicKey, nonce, created: at / 1000, bearer: record, at };
        return [await state.signIn({ deviceId: 'a', ...signed }), record.hash] as const;
      };
      const [first, second, third] = [await signIn('n1', 1000), await signIn('n1', 1000), await signIn('n2', 2000)];
      expect([first[0], second[0], third[0]]).toEqual(['signed-in', 'replayed', 'signed-in']);
      const [stranger] = await signIn('n3', 2000, 'other');
      expect(stranger).toBe('not-accepted');
      // The bearer without an end has gone with the first, an ended one goes with the next.
      const tokens = async () => (await state.listTokens({ purpose: 'device', limit: 9 })).map(({ hash }) => hash);
      expect(await tokens()).toEqual([first[1], third[1]]);
      const later = await signIn('n1', 10_000_000);
      expect([later[0], await tokens()]).toEqual(['signed-in', [later[1]]]);
      await state.revokeDevice('a', 10_000_000);
      expect((await signIn('n4', 10_000_000))[0]).toBe('not-accepted');
      await state.close();
    });

    it('accepts and rejects devices that wait for it, which are no members before', async () => {
      const state = await open();
      await state.saveToken(enrolling);
      await state.enrol({ ...enrolmentOf('a'), status: 'pending', publicKey: 'k' });
      const members = async () => (await state.membersOf('edge', { limit: 9 })).map(({ enrolledAt }) => enrolledAt);
      expect(await members()).toEqual([]);
      await expect(state.answerCheck(arrival('a', 3), () => nothing)).rejects.toMatchObject({ code: 'device-pending' });
      expect(await state.decideDevice('a', 'rejected', 3, told)).toBe('done');
      await expect(state.storeReports('a', [report(1)], anyReport, 3)).rejects.toMatchObject({
        code: 'device-rejected',
      });
      expect(await state.decideDevice('a', 'accepted', 4, told)).toBe('done');
      expect(await state.decideDevice('a', 'accepted', 5, told)).toBe('same');
      expect(await state.decideDevice('a', 'rejected', 6, told)).toBe('refused');
      expect(await state.decideDevice('none', 'accepted', 6, told)).toBe('unknown');
      expect([await members(), await state.listEvents(0, 9)]).toEqual([[4], [expect.anything(), expect.anything()]]);
      await state.close();
    });

    it('remembers which machines asked as a device, until it is accepted anew', async () => {
      const state = await open();
      await enrolAll(state, 'a');
      const asks = (boot: string, at: number) => {
        const machine = { id: 'f'.repeat(32), boot: boot.repeat(32) };
        const check = { ...idle, schemaVersion: 2 as const, troubles: [], machine };
        return state.answerCheck({ ...arrival('a', at), check }, () => nothing);
      };
      for (const [boot, minute] of [
        ['a', 1],
        ['b', 2],
        ['a', 9],
      ] as const)
        await asks(boot, minute * 60_000);
      const watch = (await state.findDevice('a'))?.watch;
      expect(watch).toMatchObject({ sharedAt: 540_000, refused: [{ boot: 'b'.repeat(32) }] });
      expect((await state.findProfile('a'))?.watch).toEqual(watch);
      expect(await state.decideDevice('a', 'accepted', 600_000, told)).toBe('done');
      expect((await state.findDevice('a'))?.watch).toBeUndefined();
      if (watch) expect(await state.keepWatch('a', watch, told)).toBe(true);
      expect((await state.findDevice('a'))?.watch).toEqual(watch);
      await state.close();
    });

    it('forgets a device with all it did, and refuses one that was revoked', async () => {
      const state = await open();
      await enrolAll(state, 'a', 'b');
      await state.answerCheck(arrival('a', 2), () => offer());
      await state.storeReports('a', [report(1, { outcome: 'committed' })], anyReport, 2);
      expect(await state.attemptsOf('a')).toHaveLength(1);
      expect(await state.forgetDevice('a')).toBe(true);
      expect([await state.attemptsOf('a'), await state.listReports('a', 9)]).toEqual([[], []]);
      await expect(state.storeReports('a', [report(1)], anyReport, 3)).rejects.toMatchObject({
        code: 'device-unknown',
      });
      await state.revokeDevice('b', 2);
      const refused = { code: 'device-revoked' };
      await expect(state.storeReports('b', [report(1)], anyReport, 3)).rejects.toMatchObject(refused);
      await expect(state.answerCheck(arrival('b', 3), () => nothing)).rejects.toMatchObject(refused);
      await state.close();
    });

    it.each(acts)('%s: the act and its event are both there', async (_name, act) => {
      const state = await open();
      await prepare(state);
      const before = await factsOf(state);
      await act(state, told);
      expect(await factsOf(state)).not.toEqual(before);
      expect(await state.listEvents(0, 9)).toEqual([{ id: expect.any(Number), ...told }]);
      await state.close();
    });

    it.each(acts)('%s: without its event the act is not done', async (_name, act) => {
      const state = await open();
      await prepare(state);
      const before = await factsOf(state);
      // No database takes an event without a reason.
      const untellable = { ...told, reason: null as unknown as string };
      await expect(act(state, untellable)).rejects.toMatchObject({ code: 'database-unavailable' });
      expect(await factsOf(state)).toEqual(before);
      expect(await state.listEvents(0, 9)).toEqual([]);
      await state.close();
    });

    it('tells nothing of what was not done', async () => {
      const state = await open();
      await prepare(state);
      expect(await state.revokeToken('none', 9, told)).toBe(false);
      expect(await state.revokeDevice('none', 9, told)).toBe(false);
      expect(await state.giveLabels('none', {}, told)).toBe(false);
      expect(await state.forgetDevice('none', told)).toBe(false);
      expect(await state.enrol(enrolmentOf('a'), told)).toBe('repeated');
      expect(await state.enrol({ ...enrolmentOf('z'), enrolmentTokenId: 'none' }, told)).toBe('token-spent');
      const unavailable = { code: 'database-unavailable' };
      await expect(state.saveToken(enrolling, told)).rejects.toMatchObject(unavailable);
      expect(await state.listEvents(0, 9)).toEqual([]);
      await state.close();
    });

    it('gives a report back as it came, with every field that a report can have', async () => {
      const state = await open();
      await enrolAll(state, 'a');
      const full = report(1, {
        ...{ manifestSha256: '3'.repeat(64), outcome: 'rolled-back', code: 'health-timeout', message: 'no answer' },
        ...{ fault: 'release', nextTryAt: '2026-01-02T00:00:00Z' },
        transfer: { bytesOnWire: 1, fullBytes: 2, resumedFrom: 3 },
      });
      expect(Object.keys(full).sort()).toEqual(Object.keys(reportSchema.shape).sort());
      const { rollout: _, ...bare } = report(2);
      await state.storeReports('a', [full, bare], anyReport, 5);
      expect(await state.listReports('a', 9)).toEqual([bare, full]);
      await state.close();
    });

    it('has the report with the highest sequence for the last one, however late others come', async () => {
      const state = await open();
      await enrolAll(state, 'a', 'b');
      expect(await state.findProfile('a')).toMatchObject({ lastReport: undefined, lastOffer: undefined });
      const held = report(3, { phase: 'downloading', code: 'newer-than-us', fault: 'path', message: 'x' });
      await state.storeReports('a', [report(1), held], anyReport, 5);
      await state.storeReports('a', [report(2, { outcome: 'committed' })], anyReport, 6);
      expect((await state.findProfile('a'))?.lastReport).toEqual(held);
      expect((await state.listDevices({ limit: 9 })).map(({ lastReport }) => lastReport)).toEqual([held, undefined]);
      expect(await state.findProfile('none')).toBeUndefined();
      await state.close();
    });

    it('knows which campaign a device was offered last', async () => {
      const state = await open();
      await enrolAll(state, 'a');
      for (const [at, name] of ['first', 'second', 'third'].entries()) {
        await state.answerCheck(arrival('a', 5 + at), () => offer({ rollout: rolloutNamed(name) }));
      }
      await state.answerCheck(arrival('a', 9), () => offer({ rollout: rolloutNamed('second') }));
      expect((await state.findProfile('a'))?.lastOffer).toEqual({ rollout: 'second', version: '2.0.0' });
      await state.close();
    });

    it('keeps the troubles of the last check, counts them by code, and forgets them when all is well', async () => {
      const state = await open();
      await enrolAll(state, 'a', 'b', 'c');
      const full: Trouble = {
        ...{ code: 'disk-full', fault: 'device', message: '48 MB free', since: '2026-01-01T00:00:00Z' },
      };
      const tls: Trouble = { ...full, code: 'tls-failed', fault: 'path' };
      const tell = (id: string, at: number, ...troubles: Trouble[]) =>
        state.answerCheck(arrival(id, at, { check: { ...idle, schemaVersion: 2, troubles } }), () => nothing);
      expect((await state.findProfile('a'))?.troubles).toBeUndefined();
      await tell('a', 5, full, tls);
      await tell('b', 5, tls, full, { ...full, message: 'again' });
      await tell('c', 5, full);
      expect((await state.findProfile('a'))?.troubles).toEqual([full, tls]);
      const counted = async () => (await state.countTroubles()).sort((one, other) => (one.code < other.code ? -1 : 1));
      const of = ({ code, fault }: Trouble, devices: number) => ({ code, fault, devices });
      expect(await counted()).toEqual([of(full, 3), of(tls, 2)]);
      await tell('a', 6);
      expect((await state.findProfile('a'))?.troubles).toEqual([]);
      // An updater that went back to one that does not tell.
      await state.answerCheck(arrival('b', 7), () => nothing);
      expect((await state.findProfile('b'))?.troubles).toBeUndefined();
      expect(await counted()).toEqual([of(full, 1)]);
      await state.revokeDevice('c', 8);
      expect(await counted()).toEqual([]);
      await state.close();
    });

    it('keeps the box of the last check, and forgets it when an updater does not tell any more', async () => {
      const state = await open();
      await enrolAll(state, 'a');
      const box: ToldBox = {
        ...{ distribution: 'k3s', role: 'server', unit: 'k3s.service', program: '/usr/local/bin/k3s' },
        ...{ dataDir: '/var/lib/rancher/k3s', version: 'v1.33.9+k3s1', datastore: { kind: 'etcd', members: 3 } },
      };
      const check = { ...idle, schemaVersion: 2 as const, troubles: [] };
      await state.answerCheck(arrival('a', 5, { check: { ...check, box } }), () => nothing);
      expect((await state.findProfile('a'))?.box).toEqual(box);
      await state.answerCheck(arrival('a', 6, { check }), () => nothing);
      expect((await state.findProfile('a'))?.box).toBeUndefined();
      await state.answerCheck(arrival('a', 7, { check: { ...check, box } }), () => nothing);
      await state.answerCheck(arrival('a', 8), () => nothing);
      expect((await state.findProfile('a'))?.box).toBeUndefined();
      await state.close();
    });

    it('stores each report once and holds the last result, however reports are repeated and reordered', async () => {
      const state = await open();
      let run = 0;
      const outcomes = ['committed', 'rolled-back', 'failed', undefined] as const;
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.constantFrom(...outcomes), { minLength: 1, maxLength: 7 }),
          fc.array(fc.nat(), { maxLength: 12 }),
          async (results, picks) => {
            const id = `device-${run++}`;
            await enrolAll(state, id);
            await state.answerCheck(arrival(id, 4), () => offer());
            const all = results.map((outcome, i) =>
              report(i + 1, {
                ...(outcome === undefined ? {} : { outcome }),
                transfer: { bytesOnWire: i + 1, fullBytes: 9, resumedFrom: 0 },
              }),
            );
            const sent = [...picks.map((pick) => all[pick % all.length]), ...all].flatMap((one) => (one ? [one] : []));
            let fresh = 0;
            let last = { acknowledgedThrough: 0 };
            for (const one of sent) {
              const stored = await state.storeReports(id, [one], anyReport, 5);
              fresh += stored.fresh.length;
              last = stored;
            }
            expect([fresh, last.acknowledgedThrough]).toEqual([all.length, all.length]);
            const [attempt] = await state.attemptsOf(id);
            expect(attempt).toMatchObject({ bytesOnWire: all.length, place: 0.5 });
            expect(attempt?.outcome).toBe(results.findLast((outcome) => outcome !== undefined));
          },
        ),
        { numRuns: 25 },
      );
      await state.close();
    });

    it('keeps the last eight of a history of weeks that comes in pages', async () => {
      const state = await open();
      await enrolAll(state, 'a');
      const all = Array.from({ length: 250 }, (_, i) => report(i + 1));
      for (let first = 0; first < all.length; first += 100) {
        const page = all.slice(first, first + 100);
        const { acknowledgedThrough, fresh } = await state.storeReports('a', page, anyReport, 5);
        expect([acknowledgedThrough, fresh.length]).toEqual([page.at(-1)?.sequence, page.length]);
      }
      expect((await state.listReports('a', 99)).map(({ sequence }) => sequence)).toEqual(
        Array.from({ length: 8 }, (_, i) => 250 - i),
      );
      // Long gone here, and still not taken for new.
      expect((await state.storeReports('a', all.slice(0, 50), anyReport, 6)).fresh).toEqual([]);
      await state.close();
    });

    it('stores nothing of a request with a sequence that another machine used, until somebody accepts the device', async () => {
      const state = await open();
      await enrolAll(state, 'a');
      await state.storeReports('a', [report(1), report(2)], anyReport, 5);
      const other = report(2, { attempt: 'of a copy' });
      const forked = await state.storeReports('a', [other, report(3)], anyReport, 6);
      expect(forked).toMatchObject({ acknowledgedThrough: 2, fresh: [], isForked: true });
      expect((await state.listReports('a', 9)).map(({ sequence }) => sequence)).toEqual([2, 1]);
      expect(await state.storeReports('a', [report(2)], anyReport, 7)).toMatchObject({ fresh: [], isForked: false });
      await state.keepWatch('a', { owner: '', boots: [], refused: [], sharedAt: 6 });
      expect(await state.decideDevice('a', 'accepted', 8)).toBe('done');
      const taken = await state.storeReports('a', [other, report(3)], anyReport, 9);
      expect(taken).toMatchObject({ acknowledgedThrough: 3, isForked: false });
      expect(taken.fresh.map(({ sequence }) => sequence)).toEqual([3]);
      await state.close();
    });

    it('goes on over a gap that the device itself does not remember, and takes what comes of it late', async () => {
      const state = await open();
      await enrolAll(state, 'a');
      const tell = (...sequences: number[]) =>
        state.storeReports(
          'a',
          sequences.map((sequence) => report(sequence)),
          anyReport,
          5,
        );
      expect((await tell(1)).acknowledgedThrough).toBe(1);
      expect((await tell(4, 5)).acknowledgedThrough).toBe(1);
      expect(await tell(4, 5)).toEqual({
        acknowledgedThrough: 5,
        fresh: [],
        fellBack: [],
        failed: [],
        isForked: false,
      });
      expect((await tell(3)).fresh).toHaveLength(1);
      expect(await tell(3)).toEqual({ acknowledgedThrough: 5, fresh: [], fellBack: [], failed: [], isForked: false });
      await state.close();
    });

    it('keeps what was applied with its event, and a refusal once', async () => {
      const state = await open();
      expect(await state.loadPlan()).toBeUndefined();
      const applied = (n: number) => ({
        ...{ plan: emptyPlan, contentSha256: String(n).repeat(64), revision: `commit-${n}`, author: 'Ada' },
        ...{ subject: `Change ${n}`, appliedAt: n, diff: [] },
      });
      await state.savePlan(applied(1));
      await state.savePlan(applied(2));
      expect(await state.loadPlan()).toEqual(applied(2));
      expect((await state.listAppliedPlans(9)).map(({ revision }) => revision)).toEqual(['commit-2', 'commit-1']);
      const problem = new SlipwayError('document-invalid', 'broken');
      for (const at of [3, 4]) await state.recordRefusal({ problem, revision: 'commit-3', author: 'Bob' }, at);
      expect((await state.listEvents(0, 9)).map(({ kind, actor, at }) => [kind, actor, at])).toEqual([
        ['plan-applied', 'Ada', 1],
        ['plan-applied', 'Ada', 2],
        ['plan-refused', 'Bob', 3],
      ]);
      await state.close();
    });

    it('removes what is older than asked, and tells so in the log', async () => {
      const state = await open();
      const day = 86_400_000;
      await enrolAll(state, 'a');
      for (const at of [1, 2 * day]) await state.appendEvent({ at, actor: 'test', kind: 'tested', reason: 'x' });
      await state.applyTransition(key, openWave(0), 1, 'rollouts');
      await state.answerCheck(arrival('a', 1), () => offer());
      await state.applyTransition(key, { kind: 'abort', reason: 'bad' }, 2, 'rollouts');
      await state.storeReports('a', [report(1, { outcome: 'failed' })], anyReport, 2);
      const pruned = await state.prune({ plans: 5, attemptDays: 2, eventDays: 2 }, 3 * day);
      expect(pruned).toEqual({ plans: 0, attempts: 1, events: 3 });
      expect(await state.attemptsOf('a')).toEqual([]);
      expect((await state.listEvents(0, 9)).map(({ kind }) => kind)).toEqual(['tested', 'events-removed']);
      await state.close();
    });

    it('says that it is unavailable once it is gone', async () => {
      const state = await open();
      await state.ping();
      await state.close();
      await expect(state.ping()).rejects.toMatchObject({ code: 'database-unavailable' });
      await expect(state.attemptsOf('gate-1')).rejects.toMatchObject({ code: 'database-unavailable' });
      await expect(state.answerCheck(arrival('gate-1', 1), () => nothing)).rejects.toMatchObject({
        code: 'database-unavailable',
      });
    });
  });
}
