import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { encodeManifest } from '../../../../contract/release/manifest.ts';
import { smallRelease } from '../../../fakes/signed-repository.ts';
import { SmallFleet } from '../../../fakes/small-fleet.ts';

const installed = (version: string, counter: number) => ({
  current: { version, counter, manifestSha256: encodeManifest(smallRelease(version, counter)).sha256 },
  counterFloor: counter,
});
const old = installed('1.0.0', 1);

async function fleetOf(count: number) {
  const small = await SmallFleet.open();
  await small.publish(smallRelease('1.0.0', 1));
  await small.publish(smallRelease('2.0.0', 2));
  const tokens = new Map<string, string>();
  const enrol = async (from: number, to: number) => {
    for (let i = from; i < to; i++) tokens.set(`gate-${i}`, await small.enrol(`gate-${i}`));
  };
  await enrol(0, count);
  const check = (id: string, facts: object = old) => small.check(id, tokens.get(id) ?? '', facts);
  const offered = async () => {
    const ids: string[] = [];
    for (const id of tokens.keys()) if ((await check(id)).decision === 'update') ids.push(id);
    return ids;
  };
  const tell = (id: string, outcome: 'committed' | 'rolled-back', sequence = 1) =>
    small.report(id, tokens.get(id) ?? '', { rollout: 'to-2', outcome, sequence });
  const operator = await small.token('operator', 'rollouts:read', 'rollouts:control');
  const control = (action: string) => small.ask('POST', `/v1/rollouts/to-2/${action}`, operator);
  const steps = () => small.events.map((event) => (event.kind === 'advanced' ? event.transition.kind : event.kind));
  return { small, enrol, check, offered, tell, control, steps };
}

describe('the cohort of a wave', () => {
  it('is exactly its share; later devices neither join nor move anybody; a wider declaration only adds', async () => {
    const { small, enrol, offered } = await fleetOf(10);
    await using _ = small;
    const waves = (percent: number) => [
      { name: 'some', percent, soak: '1h' },
      { name: 'all', percent: 100 },
    ];
    await small.declare('to-2', { release: '2.0.0', waves: waves(30) });
    const first = await offered();
    expect(first).toHaveLength(3);

    await small.pass(10);
    await enrol(10, 20);
    expect(await offered()).toEqual(first);

    await small.declare('to-2', { release: '2.0.0', waves: waves(50) });
    const second = await offered();
    expect(second).toHaveLength(5);
    expect(second).toEqual(expect.arrayContaining(first));

    await small.declare('to-2', { release: '2.0.0', waves: waves(20) });
    expect(await offered()).toEqual(second);
  });

  it('counts the devices of its group alone', async () => {
    const { small, offered } = await fleetOf(10);
    await using _ = small;
    await small.writeRolloutFile(
      'fleet.yaml',
      `apiVersion: slipway/v1
kind: Fleet
metadata: {name: f}
spec: {labels: [{when: {ids: [gate-1, gate-2, gate-3, gate-4]}, set: {region: north}}]}
---
apiVersion: slipway/v1
kind: Group
metadata: {name: north}
spec: {selector: {matchLabels: {region: north}}}
`,
    );
    await small.declare('to-2', { release: '2.0.0', group: 'north', waves: [{ name: 'half', percent: 50 }] });
    const half = await offered();
    expect(half).toHaveLength(2);
    for (const id of half) expect(['gate-1', 'gate-2', 'gate-3', 'gate-4']).toContain(id);
  });
});

describe('a campaign', () => {
  it('opens no wave before another rollout has completed', async () => {
    const { small, check, tell, offered } = await fleetOf(1);
    await using _ = small;
    await small.publish(smallRelease('3.0.0', 3));
    const waves = [{ name: 'all', percent: 100 }];
    await small.declare('to-2', { release: '2.0.0', waves });
    await small.declare('to-3', { release: '3.0.0', waves, after: ['to-2'], priority: 9 });
    await small.pass(1);
    expect(await check('gate-0')).toMatchObject({ offer: { version: '2.0.0' } });
    expect(await offered()).toHaveLength(1);
    await tell('gate-0', 'committed');
    await small.pass(1);
    await small.pass(1);
    expect(await check('gate-0', installed('2.0.0', 2))).toMatchObject({ offer: { version: '3.0.0' } });
  });

  it('asks the user’s checks before it opens the next wave, and stalls visibly when they go on failing', async () => {
    let status = 503;
    const server = createServer((_request, response) => response.writeHead(status).end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const { small, offered, tell, control, steps } = await fleetOf(4);
    await using _ = small;
    try {
      const gate = { checks: [{ name: 'shop', http: { url } }], stallAfter: '10m' };
      await small.declare('to-2', {
        release: '2.0.0',
        gate,
        waves: [
          { name: 'half', percent: 50 },
          { name: 'all', percent: 100 },
        ],
      });
      const half = await offered();
      for (const id of half) await tell(id, 'committed');
      const detail = async () => {
        await small.pass(16);
        const [view] = await small.campaigns.views(small.now);
        return view?.next?.kind === 'wait' ? view.next.detail : view?.next?.kind;
      };
      expect(await detail()).toBe('Check shop: not asked yet.');
      await expect.poll(detail).toBe('Check shop: 503 where 200 is expected.');
      await small.pass(600);
      expect(steps()).toEqual(['open-wave', 'stall']);

      status = 200;
      expect((await control('resume')).json().rollouts[0]).toMatchObject({ status: 'active' });
      await expect.poll(async () => [await detail(), steps().at(-1)].at(-1)).toBe('open-wave');
      expect((await offered()).length).toBe(4);
    } finally {
      server.close();
    }
  });

  it('is promoted past soak and gate by a person, wave by wave', async () => {
    const { small, offered, control } = await fleetOf(4);
    await using _ = small;
    const waves = [
      { name: 'half', percent: 50, soak: '24h' },
      { name: 'all', percent: 100 },
    ];
    await small.declare('to-2', { release: '2.0.0', waves });
    expect(await offered()).toHaveLength(2);
    expect((await control('promote')).statusCode).toBe(200);
    expect(await offered()).toHaveLength(4);
    expect((await control('promote')).json().rollouts[0]).toMatchObject({ status: 'completed' });
    for (const action of ['promote', 'reopen'] as const) {
      const again = await control(action);
      expect([again.statusCode, again.json().rollouts[0].status]).toEqual([200, 'completed']);
    }
  });

  it('offers the release once more to devices where it failed, when told to retry', async () => {
    const { small, check, tell, control } = await fleetOf(2);
    await using _ = small;
    await small.declare('to-2', { release: '2.0.0', waves: [{ name: 'all', percent: 100 }] });
    const rejected = { ...old, rejected: [encodeManifest(smallRelease('2.0.0', 2)).sha256] };
    await check('gate-0');
    await tell('gate-0', 'rolled-back');
    expect(await check('gate-0', rejected)).toMatchObject({ reason: 'release-failed-here' });
    await control('retry');
    expect(await check('gate-0', rejected)).toMatchObject({ decision: 'update', offer: { retry: true } });
    expect((await check('gate-1')).offer.retry).toBeUndefined();
    await tell('gate-0', 'rolled-back', 2);
    expect(await check('gate-0', rejected)).toMatchObject({ reason: 'release-failed-here' });
  });

  it('sends its devices back with a permit when it was aborted and says so, each once', async () => {
    const { small, check, tell, control } = await fleetOf(2);
    await using _ = small;
    await small.declare('to-2', { release: '2.0.0', abort: { revert: true }, waves: [{ name: 'all', percent: 100 }] });
    await check('gate-0');
    await tell('gate-0', 'committed');
    await control('abort');
    const updated = installed('2.0.0', 2);
    expect(await check('gate-0', updated)).toMatchObject({
      decision: 'revert',
      reason: 'revert-on-abort',
      rollout: 'to-2',
      permit: { signed: { deviceId: 'gate-0', rollout: 'to-2', leave: updated.current.manifestSha256 } },
    });
    expect(await check('gate-0', updated)).toMatchObject({ decision: 'none' });
    expect(await check('gate-1', updated)).toMatchObject({ decision: 'none', reason: 'up-to-date' });
  });

  it('tells devices with an offer when its window opens and closes, by seconds alone', async () => {
    const { small, check } = await fleetOf(1);
    await using _ = small;
    const opensAt = Math.ceil(small.now / 3600_000) * 3600_000 + 3600_000;
    const time = (at: number) => new Date(at).toISOString().slice(11, 16);
    const windows = [{ timeZone: 'UTC', from: time(opensAt), to: time(opensAt + 2 * 3600_000) }];
    const spec = { release: '2.0.0', windows, waves: [{ name: 'all', percent: 100 }] };
    await small.declare('to-2', spec);
    expect(await check('gate-0')).toMatchObject({ reason: 'outside-window' });
    await small.declare('to-2', { ...spec, downloadAhead: '3h' });
    const opensInSeconds = Math.ceil((opensAt - small.now) / 1000);
    expect((await check('gate-0')).offer.switchWindow).toEqual({
      opensInSeconds,
      closesInSeconds: Math.floor((opensAt - small.now) / 1000) + 7200,
    });
  });

  it('is under the plan of another replica as soon as that has applied it', async () => {
    const { small, check } = await fleetOf(1);
    await using _ = small;
    await small.declare('to-2', { release: '2.0.0', waves: [{ name: 'all', percent: 100 }] });
    expect(await check('gate-0')).toMatchObject({ decision: 'update' });
    const applied = await small.fleet.loadPlan();
    if (!applied) throw new Error('expected a plan');
    const plan = { ...applied.plan, rollouts: applied.plan.rollouts.map((rollout) => ({ ...rollout, paused: true })) };
    const contentSha256 = 'f'.repeat(64);
    await small.fleet.savePlan({ ...applied, plan, contentSha256, revision: `sha256:${contentSha256}` });
    expect(await check('gate-0')).toMatchObject({ decision: 'none', reason: 'rollout-paused' });
  });
});
