import { describe, expect, it } from 'vitest';
import { encodeManifest } from '../../../contract/release/manifest.ts';
import { rolloutText } from '../../../distributor/commands/text/rollout-text.ts';
import type { WhyView } from '../../../distributor/explanation/view.ts';
import type { RolloutView } from '../../../distributor/rollout/campaigns/view.ts';
import { placeOf } from '../../../distributor/rollout/placement.ts';
import { smallRelease } from '../../fakes/signed-repository.ts';
import { SmallFleet, takenAtTheirWord } from '../../fakes/small-fleet.ts';

const installed = (version: string, counter: number) => ({
  current: { version, counter, manifestSha256: encodeManifest(smallRelease(version, counter)).sha256 },
  counterFloor: counter,
});
const old = installed('1.0.0', 1);
const waves = [
  { name: 'first', percent: 50, soak: '10m' },
  { name: 'all', percent: 100, soak: '10m' },
];

async function fleetOf(count: number, spec: Record<string, unknown> = {}) {
  const small = await SmallFleet.open();
  await small.publish(smallRelease('1.0.0', 1));
  await small.publish(smallRelease('2.0.0', 2));
  const tokens = new Map<string, string>();
  for (let i = 0; i < count; i++) tokens.set(`gate-${i}`, await small.enrol(`gate-${i}`));
  await small.declare('to-2', { release: '2.0.0', waves, ...spec });
  const checkAll = async () => {
    const answers = new Map<string, { decision: string; reason: string; offer?: object }>();
    for (const [id, token] of tokens) answers.set(id, await small.check(id, token, old));
    return answers;
  };
  const offered = async () =>
    [...(await checkAll())].flatMap(([id, { decision }]) => (decision === 'update' ? [id] : []));
  const tell = async (id: string, outcome: 'committed' | 'rolled-back' | 'failed', sequence = 1) =>
    small.report(id, tokens.get(id) ?? '', { rollout: 'to-2', version: '2.0.0', outcome, sequence });
  const operator = await small.token('operator', 'rollouts:read', 'rollouts:control');
  // Counts are a second old at most.
  const show = async () => {
    await small.pass(1);
    return (await small.ask('GET', '/v1/rollouts/to-2', operator)).json<{ rollouts: RolloutView[] }>().rollouts[0];
  };
  return { small, tokens, checkAll, offered, tell, operator, show };
}

const fresh = installed('2.0.0', 2);

describe('devices that run the release already', () => {
  it('carry their wave and the rollout through, each counted once', async () => {
    const { small, tokens, show } = await fleetOf(8);
    await using _ = small;
    const checkAll = async () => {
      for (const [id, token] of tokens) {
        expect(await small.check(id, token, fresh)).toMatchObject({ decision: 'none', reason: 'up-to-date' });
      }
    };
    await checkAll();
    await checkAll();
    const first = (await show())?.waves[0]?.members;
    expect(await show()).toMatchObject({ waves: [{ committed: first, failed: 0, pending: 0 }, { committed: 0 }] });
    await small.pass(600);
    await checkAll();
    await checkAll();
    expect(await show()).toMatchObject({ waves: [{ committed: first }, { committed: 8 - Number(first) }] });
    await small.pass(600);
    expect(await show()).toMatchObject({ status: 'completed' });
  });

  it('count no more when they run something older, and as failed when they say that it failed', async () => {
    const { small, tokens, show } = await fleetOf(2, { waves: [{ name: 'all', percent: 100 }], paused: true });
    await using _ = small;
    await small.declare('to-2', { release: '2.0.0', waves: [{ name: 'all', percent: 100, soak: '1h' }] });
    for (const [id, token] of tokens) await small.check(id, token, fresh);
    expect(await show()).toMatchObject({ waves: [{ committed: 2, failed: 0 }] });
    const [one, other] = [...tokens];
    const goal = fresh.current.manifestSha256;
    expect(await small.check(one?.[0] ?? '', one?.[1] ?? '', { ...old, rejected: [goal] })).toMatchObject({
      reason: 'release-failed-here',
    });
    expect(await small.check(other?.[0] ?? '', other?.[1] ?? '', old)).toMatchObject({ decision: 'update' });
    expect(await show()).toMatchObject({ waves: [{ committed: 0, failed: 1, pending: 1 }] });
  });
});

it('tells of agents whose server comes in a later wave, to whoever asks for the rollout or the device', async () => {
  const canary = [
    { name: 'canary', count: 1 },
    { name: 'all', percent: 100 },
  ];
  const { small, show } = await fleetOf(0, { waves: canary, paused: true });
  await using _ = small;
  // Names whose places put the agent before its server.
  const ids = ['a', 'b'].sort((one, other) => placeOf('to-2', one) - placeOf('to-2', other)) as [string, string];
  const labels = (role: string) => ({ labels: { 'slipway.io/cluster': 'c', 'slipway.io/role': role } });
  const [agent, server] = [await small.enrol(ids[0]), await small.enrol(ids[1])];
  await small.writeRolloutFile('fleet.yaml', takenAtTheirWord);
  await small.declare('to-2', { release: '2.0.0', waves: canary });
  expect(await small.check(ids[1], server, { ...old, ...labels('server') })).toMatchObject({ reason: 'wave-not-open' });
  expect(await small.check(ids[0], agent, { ...old, ...labels('agent') })).toMatchObject({ reason: 'servers-first' });
  const shown = await show();
  expect(shown).toMatchObject({ waves: [{ name: 'canary', members: 1, agentsHeld: 1 }, { name: 'all' }] });
  expect(rolloutText(shown as RolloutView, small.now)).toContain(
    'held: 1 of 1 members are agents with a server that no open wave covers; they are offered nothing before it runs',
  );
  const operator = await small.token('operator', 'devices:read', 'rollouts:read');
  const why = (await small.ask('GET', `/v1/devices/${ids[0]}/why`, operator)).json<WhyView>();
  expect(why.decision?.next).toContain(`Server ${ids[1]} is in a later wave: its place is`);

  // One that runs it already holds nobody up.
  await small.check(ids[1], server, { ...fresh, ...labels('server') });
  expect(await show()).toMatchObject({ waves: [{ agentsHeld: 0 }, {}] });
  expect(await small.check(ids[0], agent, { ...old, ...labels('agent') })).toMatchObject({ decision: 'update' });
});

describe('a rollout', () => {
  it('offers wave by wave, after the soak, as devices commit', async () => {
    const { small, offered, tell, show, checkAll } = await fleetOf(8);
    await using _ = small;
    const first = await offered();
    expect(first.length).toBeGreaterThan(0);
    expect(first.length).toBeLessThan(8);
    const answers = await checkAll();
    expect(answers.get(first[0] ?? '')).toMatchObject({
      decision: 'update',
      reason: 'rollout-open',
      offer: { rollout: 'to-2', wave: 'first', version: '2.0.0', counter: 2 },
    });
    expect([...answers.values()].filter(({ reason }) => reason === 'wave-not-open')).toHaveLength(8 - first.length);

    await small.pass(600);
    expect(await offered()).toEqual(first);
    expect(await show()).toMatchObject({ status: 'active', waves: [{ pending: first.length }, { pending: 0 }] });

    for (const id of first) await tell(id, 'committed');
    await small.pass(1);
    expect(await show()).toMatchObject({
      next: { waitsFor: 'soaking' },
      waves: [{ committed: first.length, soaked: 0, pending: 0 }, {}],
    });
    await small.pass(600);
    expect((await offered()).length).toBe(8);

    for (const id of await offered()) await tell(id, 'committed', 2);
    await small.pass(600);
    expect(await show()).toMatchObject({ status: 'completed' });
  });

  it('is aborted by evidence before the next check is answered', async () => {
    const { small, offered, tell, show, checkAll } = await fleetOf(6, {
      waves: [{ name: 'all', percent: 100 }],
      abort: { failurePercent: 50, minFailures: 2 },
    });
    await using _ = small;
    const [a = '', b = ''] = await offered();
    await tell(a, 'rolled-back');
    expect(await show()).toMatchObject({ status: 'active', waves: [{ failed: 1, pending: 5 }] });
    await tell(b, 'rolled-back');
    expect(await show()).toMatchObject({ status: 'active', waves: [{ failed: 2, pending: 4 }] });
    await tell('gate-5', 'rolled-back');
    expect(await show()).toMatchObject({ status: 'aborted' });
    const reasons = [...(await checkAll()).values()].map(({ reason }) => reason);
    expect(new Set(reasons)).toEqual(new Set(['rollout-aborted']));
    expect(small.events.filter((event) => event.kind === 'advanced').map(({ transition }) => transition.kind)).toEqual([
      'open-wave',
      'abort',
    ]);
  });

  it('stays aborted after a restart and whatever is said to it', async () => {
    const { small, operator, offered, show } = await fleetOf(2, { waves: [{ name: 'all', percent: 100 }] });
    await using _ = small;
    const control = (action: string) => small.ask('POST', `/v1/rollouts/to-2/${action}`, operator);
    expect((await control('abort')).json().rollouts[0]).toMatchObject({ status: 'aborted' });
    const resume = await control('resume');
    expect([resume.statusCode, resume.json().code]).toEqual([409, 'rollout-finished']);
    await small.pass(10_000);
    expect(await offered()).toEqual([]);
    expect(await show()).toMatchObject({ status: 'aborted', reason: expect.stringContaining('Aborted by token') });
  });

  it('pauses and goes on by the next check', async () => {
    const { small, operator, offered, checkAll } = await fleetOf(2, { waves: [{ name: 'all', percent: 100 }] });
    await using _ = small;
    expect(await offered()).toHaveLength(2);
    await small.ask('POST', '/v1/rollouts/to-2/pause', operator);
    expect([...(await checkAll()).values()].map(({ reason }) => reason)).toEqual(['rollout-paused', 'rollout-paused']);
    await small.ask('POST', '/v1/rollouts/to-2/resume', operator);
    expect(await offered()).toHaveLength(2);
  });

  it('that nobody declared has its code', async () => {
    const { small, operator } = await fleetOf(0);
    await using _ = small;
    for (const [method, url] of [
      ['GET', '/v1/rollouts/none'],
      ['POST', '/v1/rollouts/none/pause'],
    ] as const) {
      const answer = await small.ask(method, url, operator);
      expect([answer.statusCode, answer.json().code]).toEqual([404, 'rollout-unknown']);
    }
  });

  it('that follows a channel starts again with its first wave when the channel moves', async () => {
    await using small = await SmallFleet.open();
    await small.publish(smallRelease('1.0.0', 1), ['stable']);
    const token = await small.enrol('gate-1');
    await small.declare('stable', { channel: 'stable', waves: [{ name: 'all', percent: 100, soak: '1m' }] });
    expect(await small.check('gate-1', token)).toMatchObject({ offer: { version: '1.0.0' } });
    await small.publish(smallRelease('2.0.0', 2), ['stable']);
    expect(await small.check('gate-1', token, old)).toMatchObject({ reason: 'wave-not-open' });
    await small.pass(1);
    expect(await small.check('gate-1', token, old)).toMatchObject({ offer: { version: '2.0.0' } });
    const versions = (await small.campaigns.views(small.now)).map(({ campaign }) => campaign?.version);
    expect(versions).toEqual(['2.0.0']);
  });

  it('leads over a floor, and counts only the release at the end', async () => {
    await using small = await SmallFleet.open();
    await small.publish(smallRelease('2.0.0', 2));
    await small.publish({ ...smallRelease('3.0.0', 3), floors: ['2.0.0'] });
    const token = await small.enrol('gate-1');
    await small.declare('to-3', { release: '3.0.0', waves: [{ name: 'all', percent: 100 }] });
    const standing = async () => {
      await small.pass(1);
      return (await small.campaigns.views(small.now))[0]?.counts[0];
    };
    expect(await small.check('gate-1', token, old)).toMatchObject({
      reason: 'floor-first',
      offer: { version: '2.0.0' },
    });
    await small.report('gate-1', token, { rollout: 'to-3', version: '2.0.0', outcome: 'committed' });
    expect(await standing()).toMatchObject({ committed: 0, pending: 1 });
    expect(await small.check('gate-1', token, installed('2.0.0', 2))).toMatchObject({ offer: { version: '3.0.0' } });
    await small.report('gate-1', token, { rollout: 'to-3', version: '3.0.0', outcome: 'committed', sequence: 2 });
    expect(await standing()).toMatchObject({ committed: 1, pending: 0 });
  });
});

describe('reports', () => {
  it('count once however often they come', async () => {
    const { small, offered, tell, show } = await fleetOf(4, { waves: [{ name: 'all', percent: 100, soak: '1h' }] });
    await using _ = small;
    await offered();
    for (let i = 0; i < 3; i++) expect((await tell('gate-0', 'committed')).json()).toEqual({ acknowledgedThrough: 1 });
    expect(await show()).toMatchObject({ waves: [{ committed: 1, pending: 3 }] });
    const metrics = (await small.ask('GET', '/metrics')).body;
    expect(metrics).toContain('slipway_reports_total{outcome="committed",code="none",fault="none"} 1');
  });

  it('that come late do not undo what came after them', async () => {
    const { small, offered, tell, show } = await fleetOf(1, {
      waves: [{ name: 'all', percent: 100, soak: '1h' }],
    });
    await using _ = small;
    await offered();
    expect((await tell('gate-0', 'rolled-back', 3)).json()).toEqual({ acknowledgedThrough: 0 });
    expect((await tell('gate-0', 'committed', 2)).json()).toEqual({ acknowledgedThrough: 0 });
    expect((await tell('gate-0', 'committed', 1)).json()).toEqual({ acknowledgedThrough: 3 });
    expect(await show()).toMatchObject({ waves: [{ committed: 0, failed: 1 }] });
  });

  it('of a fall-back take an earlier success back', async () => {
    const { small, offered, tell, show } = await fleetOf(1, { waves: [{ name: 'all', percent: 100, soak: '1h' }] });
    await using _ = small;
    await offered();
    await tell('gate-0', 'committed', 1);
    expect(await show()).toMatchObject({ waves: [{ committed: 1, failed: 0 }] });
    await tell('gate-0', 'rolled-back', 2);
    expect(await show()).toMatchObject({ waves: [{ committed: 0, failed: 1 }] });
    expect(await small.check('gate-0', await small.token('ci'), old)).toMatchObject({ code: 'forbidden' });
  });

  it('of a device that was never offered anything count nowhere', async () => {
    const { small, tell, show } = await fleetOf(1, { waves: [{ name: 'all', percent: 100, soak: '1h' }] });
    await using _ = small;
    expect((await tell('gate-0', 'committed')).json()).toEqual({ acknowledgedThrough: 1 });
    expect(await show()).toMatchObject({ waves: [{ committed: 0, notAsked: 1 }] });
  });

  it('end the same in whatever order they come', async () => {
    const outcomes = ['failed', 'committed', 'rolled-back', 'committed'] as const;
    const orders = [
      [1, 2, 3, 4],
      [4, 3, 2, 1],
      [2, 4, 1, 3],
      [3, 1, 4, 2],
    ];
    for (const order of orders) {
      const { small, offered, tell, show } = await fleetOf(1, { waves: [{ name: 'all', percent: 100, soak: '1h' }] });
      await using _ = small;
      await offered();
      for (const sequence of order) await tell('gate-0', outcomes[sequence - 1] ?? 'failed', sequence);
      expect(await show()).toMatchObject({ waves: [{ committed: 1, failed: 0 }] });
      expect((await small.fleet.findDevice('gate-0'))?.acknowledgedThrough).toBe(4);
    }
  });

  it('are shown with the device, newest first', async () => {
    const { small, tell, tokens } = await fleetOf(1);
    await using _ = small;
    await tell('gate-0', 'failed', 1);
    await tell('gate-0', 'committed', 2);
    const device = (await small.ask('GET', '/v1/devices/gate-0', tokens.get('gate-0'))).json();
    expect(device.reports.map((report: { sequence: number }) => report.sequence)).toEqual([2, 1]);
  });
});
