import { describe, expect, it } from 'vitest';
import { encodeManifest } from '../../../contract/release/manifest.ts';
import { whyText } from '../../../distributor/commands/text/why-text.ts';
import type { WhyView } from '../../../distributor/explanation/view.ts';
import { smallRelease } from '../../fakes/signed-repository.ts';
import { SmallFleet, takenAtTheirWord } from '../../fakes/small-fleet.ts';

const installed = (version: string, counter: number) => ({
  current: { version, counter, manifestSha256: encodeManifest(smallRelease(version, counter)).sha256 },
  counterFloor: counter,
});
const old = installed('1.0.0', 1);
const all = [{ name: 'all', percent: 100 }];

async function fleet() {
  const small = await SmallFleet.open();
  await small.publish(smallRelease('1.0.0', 1));
  await small.publish(smallRelease('2.0.0', 2));
  const reader = await small.token('operator', 'devices:read');
  const why = async (id: string, token = reader) =>
    (await small.ask('GET', `/v1/devices/${id}/why`, token)).json<WhyView>();
  return { small, why };
}

const group = (selector: object) =>
  JSON.stringify({ apiVersion: 'slipway/v1', kind: 'Group', metadata: { name: 'north' }, spec: { selector } });

describe('why a device does or does not update', () => {
  it('is the decision that its check gets, whatever that is', async () => {
    const { small, why } = await fleet();
    await using _ = small;
    const tokens = new Map<string, string>();
    for (let i = 0; i < 12; i++) tokens.set(`gate-${i}`, await small.enrol(`gate-${i}`));
    await small.declare('half', { release: '2.0.0', waves: [{ name: 'half', percent: 50 }, ...all] });
    const reasons = new Set<string>();
    for (const [id, token] of tokens) {
      const answer = await small.check(id, token, old);
      const { decision } = await why(id);
      expect([decision?.kind, decision?.reason]).toEqual([answer.decision, answer.reason]);
      reasons.add(answer.reason);
    }
    expect(reasons).toEqual(new Set(['rollout-open', 'wave-not-open']));
  });

  it('names the conditions of the group one by one', async () => {
    const { small, why } = await fleet();
    await using _ = small;
    const token = await small.enrol('gate-1');
    const selector = {
      matchLabels: { region: 'north' },
      matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['lab'] }],
    };
    await small.writeRolloutFile('group.yaml', group(selector));
    await small.declare('r', { release: '2.0.0', group: 'north', waves: all });
    await small.check('gate-1', token, { ...old, labels: { region: 'south' } });
    const { decision, rollouts } = await why('gate-1');
    expect(decision).toMatchObject({ kind: 'none', reason: 'not-in-group', rollout: 'r' });
    expect(rollouts[0]?.group).toEqual({
      name: 'north',
      includes: false,
      conditions: [
        { condition: 'region=north', holds: false, value: 'south' },
        { condition: 'tier NotIn [lab]', holds: true },
      ],
    });
  });

  it('gives place, bound and counts of the wave', async () => {
    const { small, why } = await fleet();
    await using _ = small;
    const tokens = new Map<string, string>();
    for (let i = 0; i < 4; i++) tokens.set(`gate-${i}`, await small.enrol(`gate-${i}`));
    await small.declare('r', { release: '2.0.0', waves: [{ name: 'two', count: 2, soak: '1h' }, ...all] });
    for (const [id, token] of tokens) await small.check(id, token, old);
    const explained = await Promise.all([...tokens.keys()].map((id) => why(id)));
    const inside = explained.filter(({ decision }) => decision?.kind === 'update');
    expect(inside).toHaveLength(2);
    const outside = explained.find(({ decision }) => decision?.kind === 'none')?.rollouts[0];
    expect(outside?.wave).toMatchObject({ last: 'two', members: 2, pending: 2, committed: 0, isLate: false });
    expect(outside?.placePercent).toBeGreaterThan(outside?.wave?.boundPercent ?? 100);
    // One place has one number, wherever the answer names it.
    expect(outside?.decision.facts).toMatchObject({
      placePercent: outside?.placePercent,
      openPercent: outside?.wave?.boundPercent,
    });
    expect(inside[0]?.rollouts[0]?.wave?.coveredBy).toBe('two');
    expect(Date.parse(outside?.decision.until ?? '')).toBe(small.now + 3600_000);
  });

  it('tells the next opening of the window by the clock of its zone', async () => {
    const { small, why } = await fleet();
    await using _ = small;
    const token = await small.enrol('gate-1');
    const hour = new Date(small.now + 6 * 3600_000).getUTCHours();
    const from = `${String(hour).padStart(2, '0')}:00`;
    const to = `${String(hour).padStart(2, '0')}:30`;
    await small.declare('r', { release: '2.0.0', waves: all, windows: [{ timeZone: 'UTC', from, to }] });
    await small.check('gate-1', token, old);
    const { decision, rollouts } = await why('gate-1');
    expect(decision?.reason).toBe('outside-window');
    expect(rollouts[0]?.window).toMatchObject({
      isOpen: false,
      timeZone: 'UTC',
      opensLocal: expect.stringContaining(`${from} GMT`),
    });
    expect(decision?.until).toBe(rollouts[0]?.window?.opensAt);
  });

  it('names the servers that an agent waits for', async () => {
    const { small, why } = await fleet();
    await using _ = small;
    const labels = (role: string) => ({ 'slipway.io/cluster': 'c1', 'slipway.io/role': role });
    const tokens = { server: await small.enrol('server'), agent: await small.enrol('agent') };
    await small.writeRolloutFile('fleet.yaml', takenAtTheirWord);
    await small.declare('r', { release: '2.0.0', waves: all });
    await small.check('server', tokens.server, { ...old, labels: labels('server') });
    await small.check('agent', tokens.agent, { ...old, labels: labels('agent') });
    const explained = await why('agent');
    expect(explained.decision).toMatchObject({ reason: 'servers-first', facts: { cluster: 'c1', serversBehind: 1 } });
    expect(explained.rollouts[0]?.waitsFor).toMatchObject([{ id: 'server', role: 'server', current: '1.0.0' }]);
    expect(whyText(explained, small.now)).toContain('waits for server server, runs 1.0.0, updating');
  });

  it('leaves out neighbours that lie outside the reach of who asks', async () => {
    const { small, why } = await fleet();
    await using _ = small;
    const labels = (region: string) => ({ 'slipway.io/site': 's1', region });
    const tokens = { north: await small.enrol('north'), south: await small.enrol('south') };
    await small.writeRolloutFile('fleet.yaml', takenAtTheirWord);
    await small.writeRolloutFile('north.yaml', group({ matchLabels: { region: 'north' } }));
    await small.declare('r', { release: '2.0.0', waves: all, group: 'north', concurrency: { perSite: 1 } });
    const south = { selector: { matchLabels: { region: 'south' } } };
    const document = { apiVersion: 'slipway/v1', kind: 'Group', metadata: { name: 'south' }, spec: south };
    await small.writeRolloutFile('south.yaml', JSON.stringify(document));
    await small.declare('s', { release: '2.0.0', waves: all, group: 'south' });
    await small.check('north', tokens.north, { ...old, labels: labels('north') });
    await small.check('south', tokens.south, { ...old, labels: labels('south') });
    await small.pass(60);
    await small.check('south', tokens.south, { ...old, labels: labels('south') });
    await small.check('north', tokens.north, { ...old, labels: labels('north') });
    expect((await why('north')).rollouts[0]?.waitsFor).toMatchObject([{ id: 'south' }]);
    const seen = await why('north', await small.boundToken({ groups: ['north'] }, ['devices:read']));
    expect(seen.rollouts).toMatchObject([{ rollout: 'r', waitsFor: [] }]);
  });

  it('lists every rollout in the order of their claims, and which one comes first', async () => {
    const { small, why } = await fleet();
    await using _ = small;
    const token = await small.enrol('gate-1');
    await small.declare('low', { release: '2.0.0', waves: all });
    await small.declare('high', { release: '2.0.0', waves: all, priority: 5, paused: true });
    await small.check('gate-1', token, old);
    const { decision, rollouts } = await why('gate-1');
    expect(decision).toMatchObject({ kind: 'none', reason: 'rollout-paused', rollout: 'high' });
    expect(rollouts).toMatchObject([
      { rollout: 'high', decision: { reason: 'rollout-paused' } },
      { rollout: 'low', outrankedBy: 'high' },
    ]);
  });

  it('tells how the last attempt ended and what would help', async () => {
    const { small, why } = await fleet();
    await using _ = small;
    const token = await small.enrol('gate-1');
    await small.declare('r', { release: '2.0.0', waves: all });
    await small.check('gate-1', token, old);
    const outcome = { outcome: 'rolled-back', code: 'health-timeout', phase: 'rolled-back' } as const;
    await small.report('gate-1', token, { rollout: 'r', ...outcome });
    await small.check('gate-1', token, old);
    const explained = await why('gate-1');
    expect(explained.decision?.reason).toBe('release-failed-here');
    expect(explained.rollouts[0]?.attempt).toMatchObject({ outcome: 'rolled-back', code: 'health-timeout' });
    expect(explained.decision?.next).toContain('retry');
  });

  it('says so of a device that has never asked, is revoked, or is unknown', async () => {
    const { small, why } = await fleet();
    await using _ = small;
    await small.enrol('new');
    await small.enrol('gone');
    await small.fleet.revokeDevice('gone', small.now);
    expect(await why('new')).toMatchObject({ state: 'never-asked', rollouts: [] });
    expect(await why('gone')).toMatchObject({ state: 'revoked', rollouts: [] });
    expect(await why('none')).toMatchObject({ code: 'device-unknown' });
  });

  it('is for the device itself and those who may read devices, and changes nothing', async () => {
    const { small, why } = await fleet();
    await using _ = small;
    const [own, other] = [await small.enrol('gate-1'), await small.enrol('gate-2')];
    await small.declare('r', { release: '2.0.0', waves: all });
    await small.check('gate-1', own, { ...old, phase: 'downloading' });
    const before = await small.fleet.findDevice('gate-1');
    expect(await why('gate-1', own)).toMatchObject({ decision: { reason: 'device-busy' } });
    expect(await why('gate-1', other)).toMatchObject({ code: 'forbidden' });
    expect(await small.fleet.findDevice('gate-1')).toEqual(before);
    expect(await small.fleet.attemptsOf('gate-1')).toEqual([]);
  });
});
