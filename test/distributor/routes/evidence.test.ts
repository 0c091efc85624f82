/** What counts as evidence about a release, by the situations that once did and must not: each is named for one. */
import { describe, expect, it } from 'vitest';
import type { Report } from '../../../contract/device-api/report.ts';
import { encodeManifest } from '../../../contract/release/manifest.ts';
import { showRollouts } from '../../../distributor/http/rollout-gauges.ts';
import type { RolloutView } from '../../../distributor/rollout/campaigns/view.ts';
import { smallRelease } from '../../fakes/signed-repository.ts';
import { SmallFleet } from '../../fakes/small-fleet.ts';

const fresh = {
  current: { version: '2.0.0', counter: 2, manifestSha256: encodeManifest(smallRelease('2.0.0', 2)).sha256 },
  counterFloor: 2,
};
const everybody = [{ name: 'all', percent: 100 }];

async function fleetOf(count: number, spec: Record<string, unknown> = {}) {
  const small = await SmallFleet.open();
  await small.publish(smallRelease('2.0.0', 2));
  const tokens = new Map<string, string>();
  const enrol = async (id: string) => tokens.set(id, await small.enrol(id));
  for (let i = 0; i < count; i++) await enrol(`gate-${i}`);
  await small.declare('to-2', { release: '2.0.0', waves: everybody, ...spec });
  const sequences = new Map<string, number>();
  const check = (id: string, facts: object = {}) => small.check(id, tokens.get(id) ?? '', facts);
  const tell = async (id: string, report: Partial<Report>) => {
    const sequence = (sequences.get(id) ?? 0) + 1;
    sequences.set(id, sequence);
    const said = { rollout: 'to-2', version: '2.0.0', sequence, ...report };
    const answer = await small.report(id, tokens.get(id) ?? '', said);
    expect(answer.statusCode).toBe(200);
  };
  const commit = async (id: string) => {
    expect(await check(id)).toMatchObject({ decision: 'update' });
    await tell(id, { phase: 'downloading' });
    await tell(id, { phase: 'committed', outcome: 'committed' });
  };
  const operator = await small.token('operator', 'rollouts:read', 'rollouts:control', 'events:read');
  const show = async (name = 'to-2'): Promise<RolloutView> => {
    await small.pass(1);
    const answer = await small.ask('GET', `/v1/rollouts/${name}`, operator);
    const [shown] = answer.json<{ rollouts: RolloutView[] }>().rollouts;
    if (!shown) throw new Error(`expected the rollout ${name}`);
    return shown;
  };
  const kinds = async () => (await small.fleet.listEvents(0, 1000)).map(({ kind }) => kind);
  return { small, tokens, enrol, check, tell, commit, operator, show, kinds };
}

describe('a rollout', () => {
  it('goes on when five of six devices lose their uplink in the middle of the download and come back together', async () => {
    const { small, check, tell, commit, show, kinds } = await fleetOf(6);
    await using _ = small;
    for (let i = 0; i < 6; i++) await check(`gate-${i}`);
    for (let i = 0; i < 5; i++) {
      await tell(`gate-${i}`, { phase: 'downloading' });
      await tell(`gate-${i}`, { phase: 'idle', outcome: 'failed', code: 'download-no-progress' });
    }
    const shown = await show();
    expect(shown).toMatchObject({ status: 'active', waves: [{ failed: 0, heldByPath: 5, pending: 1 }] });
    expect(shown.holds).toEqual([{ fault: 'path', code: 'download-no-progress', devices: 5 }]);
    for (let i = 0; i < 6; i++) await commit(`gate-${i}`);
    expect(await show()).toMatchObject({ status: 'completed', waves: [{ committed: 6, heldByPath: 0 }], holds: [] });
    expect(await kinds()).not.toContain('aborted');
  });

  it.each([
    ['a blob host that answers 403', 'server-refused', 'heldByPath'],
    ['a blob host that answers 503', 'server-unreachable', 'heldByPath'],
    ['the page of a portal', 'server-answer-invalid', 'heldByPath'],
    ['a corrupt blob in the store', 'digest-mismatch', 'heldByPath'],
    ['a store without the blob', 'blob-missing', 'heldByPath'],
    ['full disks', 'disk-full', 'heldByDevice'],
    ['disks that fail', 'io-error', 'heldByDevice'],
    ['too little memory', 'memory-exceeded', 'heldByDevice'],
    ['a budget of the devices’ own', 'budget-exceeded', 'heldByDevice'],
  ] as const)('is held, and not aborted, by %s', async (_what, code, column) => {
    const { small, check, tell, show, kinds } = await fleetOf(4);
    await using _ = small;
    for (let i = 0; i < 4; i++) {
      await check(`gate-${i}`);
      await tell(`gate-${i}`, { phase: 'idle', outcome: 'failed', code });
    }
    const shown = await show();
    expect(shown).toMatchObject({ status: 'active', next: { waitsFor: 'devices-held' } });
    expect(shown.waves).toMatchObject([{ [column]: 4, failed: 0 }]);
    // Many of them are told in the log, once.
    await expect.poll(kinds).toContain('gate-closed');
    await small.pass(1);
    showRollouts(small.metrics, await small.campaigns.views(small.now));
    const metrics = (await small.ask('GET', '/metrics')).body;
    expect(metrics).not.toContain('slipway_rollout_transitions_total{kind="abort"}');
    const fault = column === 'heldByPath' ? 'path' : 'device';
    expect(metrics).toContain(`slipway_rollout_held_devices{rollout="to-2",fault="${fault}",code="${code}"} 4`);
    expect(metrics).toContain('slipway_rollout_waits{rollout="to-2",reason="devices-held"} 1');
  });

  it('is not sent back when it has completed and a new device has a full disk', async () => {
    const { small, enrol, check, tell, commit, show, kinds } = await fleetOf(6, {
      abort: { failurePercent: 1, minFailures: 1, revert: true },
    });
    await using _ = small;
    for (let i = 0; i < 6; i++) await commit(`gate-${i}`);
    expect(await show()).toMatchObject({ status: 'completed' });
    await enrol('gate-new');
    expect(await check('gate-new')).toMatchObject({ decision: 'update' });
    await tell('gate-new', { phase: 'idle', outcome: 'failed', code: 'disk-full' });
    await small.pass(60);
    expect(await show()).toMatchObject({ status: 'completed', waves: [{ committed: 6, heldByDevice: 1 }] });
    // Not even the release’s own fault aborts what has completed.
    await tell('gate-new', { phase: 'rolled-back', outcome: 'rolled-back', code: 'health-timeout' });
    await small.pass(60);
    expect(await show()).toMatchObject({ status: 'completed', waves: [{ committed: 6, failed: 1 }] });
    expect(await check('gate-0', fresh)).toMatchObject({ decision: 'none', reason: 'up-to-date' });
    expect(await kinds()).not.toContain('aborted');
  });

  it('takes a success back when a device falls back after all, and says so', async () => {
    const { small, check, tell, commit, show } = await fleetOf(3, { abort: { failurePercent: 1, minFailures: 1 } });
    await using _ = small;
    for (let i = 0; i < 3; i++) await commit(`gate-${i}`);
    expect(await show()).toMatchObject({ status: 'completed' });
    await tell('gate-1', { phase: 'rolled-back', outcome: 'rolled-back', code: 'health-lost' });
    await check('gate-2', {
      current: { ...fresh.current, version: '1.0.0', counter: 1, manifestSha256: '1'.repeat(64) },
    });
    await small.pass(60);
    expect(await show()).toMatchObject({ status: 'completed', waves: [{ committed: 1, failed: 1, pending: 1 }] });
    const told = (await small.fleet.listEvents(0, 1000)).filter(({ kind }) => kind === 'fell-back');
    expect(told.map(({ deviceId, rollout }) => [deviceId, rollout])).toEqual([
      ['gate-1', 'to-2'],
      ['gate-2', 'to-2'],
    ]);
    expect((await small.ask('GET', '/metrics')).body).toContain('slipway_devices_fell_back_total 2');
  });

  it('that has completed stays so when a person pauses and resumes it after late failures', async () => {
    const abort = { failurePercent: 1, minFailures: 2, revert: true };
    const { small, enrol, check, tell, commit, operator, show, kinds } = await fleetOf(3, { abort });
    await using _ = small;
    for (let i = 0; i < 3; i++) await commit(`gate-${i}`);
    expect(await show()).toMatchObject({ status: 'completed' });
    for (const late of ['late-0', 'late-1']) {
      await enrol(late);
      await check(late);
      await tell(late, { phase: 'rolled-back', outcome: 'rolled-back', code: 'health-timeout' });
    }
    await small.ask('POST', '/v1/rollouts/to-2/pause', operator, { reason: 'let us look' });
    await small.pass(60);
    expect(await show()).toMatchObject({ status: 'paused', waves: [{ committed: 3, failed: 2 }] });
    await small.ask('POST', '/v1/rollouts/to-2/resume', operator, { reason: 'it was these two' });
    await small.pass(60);
    expect(await show()).toMatchObject({ status: 'completed' });
    expect(await check('gate-0', fresh)).toMatchObject({ decision: 'none', reason: 'up-to-date' });
    expect(await kinds()).not.toContain('aborted');
  });

  it('that has completed holds a further wave for late failures, and sends nobody back', async () => {
    const abort = { failurePercent: 1, minFailures: 1, revert: true };
    const { small, check, tell, commit, show } = await fleetOf(3, { abort });
    await using _ = small;
    for (let i = 0; i < 3; i++) await commit(`gate-${i}`);
    expect(await show()).toMatchObject({ status: 'completed' });
    await tell('gate-0', { phase: 'rolled-back', outcome: 'rolled-back', code: 'health-lost' });
    await small.pass(60);
    const waves = [...everybody, { name: 'more', percent: 100 }];
    await small.declare('to-2', { release: '2.0.0', waves, abort });
    await small.pass(60);
    expect(await show()).toMatchObject({ status: 'active', next: { waitsFor: 'gate-not-met' } });
    expect(await check('gate-1', fresh)).toMatchObject({ decision: 'none', reason: 'up-to-date' });
  });

  it('is not completed while a device is in the middle of the update', async () => {
    const { small, check, tell, commit, show } = await fleetOf(2, { gate: { successPercent: 50 } });
    await using _ = small;
    await commit('gate-0');
    await check('gate-1');
    await tell('gate-1', { phase: 'downloading' });
    expect(await show()).toMatchObject({
      status: 'active',
      next: { waitsFor: 'devices-under-way' },
      waves: [{ committed: 1, pending: 1, unreachable: 0 }],
    });
    await tell('gate-1', { phase: 'staged' });
    expect(await show()).toMatchObject({ status: 'active', waves: [{ waiting: 1, unreachable: 0 }] });
    await tell('gate-1', { phase: 'committed', outcome: 'committed' });
    expect(await show()).toMatchObject({ status: 'completed' });
  });
});

describe('every device', () => {
  it('is in one column or waits for a later wave, also one that enrolled after the wave was drawn', async () => {
    const waves = [
      { name: 'canary', count: 2, soak: '1h' },
      { name: 'all', percent: 100 },
    ];
    const { small, enrol, check, tell, commit, show } = await fleetOf(6, { waves });
    await using _ = small;
    const all = async () => {
      const shown = await show();
      const columns = shown.waves.map(
        ({ committed, failed, reverted, pending, waiting, heldByDevice, heldByPath, unreachable, notAsked }) =>
          committed + failed + reverted + pending + waiting + heldByDevice + heldByPath + unreachable + notAsked,
      );
      return { shown, sum: columns.reduce((sum, column) => sum + column, shown.later ?? Number.NaN) };
    };
    expect(await all()).toMatchObject({ sum: 6, shown: { later: 4, waves: [{ notAsked: 2 }, { notAsked: 0 }] } });
    const offered: string[] = [];
    for (let i = 0; i < 6; i++) if ((await check(`gate-${i}`)).decision === 'update') offered.push(`gate-${i}`);
    await commit(offered[0] ?? '');
    await tell(offered[1] ?? '', { phase: 'idle', outcome: 'failed', code: 'disk-full' });
    await enrol('late');
    expect(await all()).toMatchObject({ sum: 7, shown: { later: 5, waves: [{ committed: 1, heldByDevice: 1 }, {}] } });
    await commit(offered[1] ?? '');
    await small.pass(3601);
    await enrol('later');
    expect(await all()).toMatchObject({ sum: 8, shown: { later: 0, waves: [{ committed: 2 }, { notAsked: 6 }] } });
    await small.fleet.forgetDevice('late');
    expect(await all()).toMatchObject({ sum: 7, shown: { waves: [{}, { notAsked: 5 }] } });
  });
});

describe('nobody', () => {
  const typo = 'matchLabels: {site: labb-typo}';
  const group = `apiVersion: slipway/v1\nkind: Group\nmetadata: {name: canary}\nspec: {selector: {${typo}}}\n`;

  it('in a canary group with a mistyped label is no success, and the rollout after it waits', async () => {
    const { small, check, show, kinds } = await fleetOf(3, { release: '2.0.0', waves: everybody, paused: true });
    await using _ = small;
    await small.writeRolloutFile('group.yaml', group);
    await small.declare('canary', { release: '2.0.0', group: 'canary', waves: everybody, priority: 9 });
    await small.declare('to-2', { release: '2.0.0', after: ['canary'], waves: everybody });
    await small.pass(3600);
    expect(await show('canary')).toMatchObject({
      status: 'waiting',
      next: { waitsFor: 'nobody-in-group', detail: expect.stringContaining('in group canary') },
    });
    expect(await show()).toMatchObject({ status: 'waiting', next: { waitsFor: 'waiting-for-rollout' } });
    expect(await check('gate-0')).toMatchObject({ decision: 'none' });
    await expect.poll(kinds).toContain('gate-closed');

    await small.declare('canary', { release: '2.0.0', group: 'canary', waves: everybody, allowEmpty: true });
    await small.pass(1);
    await small.pass(1);
    expect(await show('canary')).toMatchObject({ status: 'completed' });
    await small.pass(1);
    expect(await check('gate-0')).toMatchObject({ decision: 'update' });
  });

  it('has enrolled yet when the plan comes into force: the canary is drawn from those who come', async () => {
    const waves = [
      { name: 'canary', count: 1, soak: '1h' },
      { name: 'all', percent: 100 },
    ];
    const { small, enrol, check, show } = await fleetOf(0, { waves });
    await using _ = small;
    await small.pass(3600);
    expect(await show()).toMatchObject({ status: 'waiting', next: { waitsFor: 'nobody-in-group' } });
    await enrol('gate-0');
    expect(await check('gate-0')).toMatchObject({ decision: 'update', offer: { wave: 'canary' } });
    await enrol('gate-1');
    expect(await check('gate-1')).toMatchObject({ reason: 'wave-not-open' });
    expect(await show()).toMatchObject({
      status: 'active',
      waves: [{ members: 1, pending: 1 }, { state: 'waiting' }],
    });
  });
});

describe('devices that enrol while a rollout runs', () => {
  it('count in the wave that offered them the release, wherever their place is', async () => {
    const waves = [
      { name: 'canary', percent: 30 },
      { name: 'all', percent: 100 },
    ];
    const { small, enrol, check, tell, show } = await fleetOf(10, { waves });
    await using _ = small;
    const ids = Array.from({ length: 30 }, (_, i) => `gate-${i}`);
    await small.pass(60);
    for (const id of ids.slice(10)) await enrol(id);
    const offered = new Map<string, string>();
    const updateAll = async () => {
      for (const id of ids) {
        const answer = await check(id, offered.has(id) ? fresh : {});
        if (answer.decision !== 'update') continue;
        offered.set(id, answer.offer.wave);
        await tell(id, { phase: 'committed', outcome: 'committed' });
      }
    };
    await updateAll();
    await small.pass(60);
    await updateAll();
    expect(offered.size).toBe(30);
    expect(await show()).toMatchObject({
      status: 'completed',
      waves: [
        { members: 3, committed: 3, notAsked: 0 },
        { members: 27, committed: 27, notAsked: 0 },
      ],
    });
  });
});

describe('devices that enrol while a wave is open for everybody', () => {
  it('are asked before the rollout completes, so that their failures stop it', async () => {
    const { small, enrol, check, tell, commit, show } = await fleetOf(0);
    await using _ = small;
    await enrol('gate-0');
    await small.pass(1);
    const others = ['gate-1', 'gate-2', 'gate-3'];
    for (const id of others) await enrol(id);
    await commit('gate-0');
    expect(await show()).toMatchObject({
      status: 'active',
      next: { waitsFor: 'devices-not-asked' },
      waves: [{ members: 4, committed: 1, notAsked: 3 }],
    });
    for (const id of others) {
      await check(id);
      await tell(id, { phase: 'rolled-back', outcome: 'rolled-back', code: 'health-timeout' });
    }
    expect(await show()).toMatchObject({ status: 'aborted' });
  });
});

describe('reports', () => {
  it('of devices that were never offered the release abort nothing, complete nothing and spend nothing', async () => {
    const { small, tell, show } = await fleetOf(6, { budget: { bytes: '1GB', per: '24h' } });
    await using _ = small;
    const transfer = { bytesOnWire: 11e9, fullBytes: 11e9, resumedFrom: 0 };
    for (let i = 0; i < 6; i++) {
      await tell(`gate-${i}`, { phase: 'rolled-back', outcome: 'rolled-back', code: 'health-lost', transfer });
      await tell(`gate-${i}`, { phase: 'committed', outcome: 'committed', transfer });
    }
    await small.pass(60);
    expect(await show()).toMatchObject({ status: 'active', waves: [{ committed: 0, failed: 0, notAsked: 6 }] });
  });

  it('of a device that left the group since it was offered the release say nothing about it', async () => {
    const { small, check, tell, show } = await fleetOf(1, { paused: true });
    await using _ = small;
    const lab =
      'apiVersion: slipway/v1\nkind: Group\nmetadata: {name: lab}\nspec: {selector: {matchLabels: {site: lab}}}\n';
    await small.writeRolloutFile('group.yaml', lab);
    await check('gate-0', { labels: { site: 'lab' } });
    const spec = { release: '2.0.0', group: 'lab', waves: everybody, abort: { failurePercent: 1, minFailures: 1 } };
    await small.declare('to-2', spec);
    expect(await check('gate-0', { labels: { site: 'lab' } })).toMatchObject({ decision: 'update' });
    expect(await check('gate-0', { labels: { site: 'shop' } })).toMatchObject({ reason: 'not-in-group' });
    await tell('gate-0', { phase: 'rolled-back', outcome: 'rolled-back', code: 'health-timeout' });
    expect(await show()).toMatchObject({ status: 'active', waves: [{ failed: 0 }] });
  });

  it('spend no more of a budget than the release can cost', async () => {
    const { small, check, tell } = await fleetOf(2, { budget: { bytes: '1GB', per: '24h' } });
    await using _ = small;
    await check('gate-0');
    const transfer = { bytesOnWire: 11e9, fullBytes: 11e9, resumedFrom: 0 };
    await tell('gate-0', { phase: 'committed', outcome: 'committed', transfer });
    expect(await check('gate-1')).toMatchObject({ decision: 'update' });
  });

  it('about versions that no release has make no rows, however many come', async () => {
    const { small, tell } = await fleetOf(1);
    await using _ = small;
    for (let i = 0; i < 40; i++) await tell('gate-0', { version: `9.0.${i}`, outcome: 'failed', phase: 'idle' });
    expect(await small.fleet.attemptsOf('gate-0')).toEqual([]);
  });
});

describe('a person', () => {
  it('reopens an aborted rollout, which goes on where it stopped and lifts rejections that were not the release’s', async () => {
    const { small, check, tell, operator, show } = await fleetOf(8, { abort: { failurePercent: 5, minFailures: 3 } });
    await using _ = small;
    for (let i = 0; i < 8; i++) await check(`gate-${i}`);
    for (let i = 0; i < 3; i++) {
      await tell(`gate-${i}`, { phase: 'rolled-back', outcome: 'rolled-back', code: 'health-timeout' });
    }
    // An older updater rejects a release for good that it could not download.
    await tell('gate-3', { phase: 'idle', outcome: 'failed', code: 'server-refused' });
    expect(await show()).toMatchObject({ status: 'aborted' });
    const refused = await small.ask('POST', '/v1/rollouts/to-2/resume', operator);
    expect(refused.json()).toMatchObject({
      code: 'rollout-finished',
      hint: expect.stringContaining('Reopen it first'),
    });
    const answer = await small.ask('POST', '/v1/rollouts/to-2/reopen', operator, { reason: 'the probe was wrong' });
    expect(answer.json().rollouts).toMatchObject([{ status: 'active' }]);
    const [told] = (await small.fleet.listEvents(0, 1000)).filter(({ kind }) => kind === 'reopened');
    expect(told?.reason).toContain('the probe was wrong');
    await small.pass(60);
    expect(await show()).toMatchObject({ status: 'active', waves: [{ failed: 3, heldByPath: 1 }] });
    const rejected = [fresh.current.manifestSha256];
    expect(await check('gate-3', { rejected })).toMatchObject({ decision: 'update', offer: { retry: true } });
    expect(await check('gate-0', { rejected })).toMatchObject({ reason: 'release-failed-here' });
    for (let i = 3; i < 8; i++) await tell(`gate-${i}`, { phase: 'committed', outcome: 'committed' });
    expect(await show()).toMatchObject({ status: 'completed', waves: [{ committed: 5, failed: 3 }] });
  });

  it('need not ask: a device that refuses what it could not fetch, as older ones do, is asked once a day', async () => {
    const { small, check, tell } = await fleetOf(1);
    await using _ = small;
    const rejected = [fresh.current.manifestSha256];
    const failed = { phase: 'idle', outcome: 'failed', code: 'digest-mismatch' } as const;
    for (let day = 0; day < 3; day++) {
      const first = await check('gate-0', day === 0 ? {} : { rejected });
      expect(first).toMatchObject({ decision: 'update', offer: { version: '2.0.0' } });
      await tell('gate-0', failed);
      for (let hour = 0; hour < 23; hour++) {
        await small.pass(3600);
        expect(await check('gate-0', { rejected })).toMatchObject({ reason: 'release-failed-here' });
      }
      await small.pass(3601);
    }
  });

  it('asks for another try of a completed rollout without changing why it completed', async () => {
    const { small, commit, operator, show } = await fleetOf(1);
    await using _ = small;
    await commit('gate-0');
    const { reason } = await show();
    await small.ask('POST', '/v1/rollouts/to-2/retry', operator, { reason: 'once more' });
    expect(await show()).toMatchObject({ status: 'completed', reason, generation: 1 });
  });
});
