import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CheckRequest } from '../../contract/device-api/check.ts';
import { encodeManifest } from '../../contract/release/manifest.ts';
import type { EventView } from '../../distributor/events/view.ts';
import { type Scope, scopeNames } from '../../distributor/fleet/access/scopes.ts';
import { callDistributor } from '../fakes/distributor-command.ts';
import { smallRelease } from '../fakes/signed-repository.ts';
import { enrolBody, SmallFleet } from '../fakes/small-fleet.ts';

const old = {
  current: { version: '1.0.0', counter: 1, manifestSha256: encodeManifest(smallRelease('1.0.0', 1)).sha256 },
  counterFloor: 1,
};

let small: SmallFleet;
let url: string;
let device: string;
beforeEach(async () => {
  small = await SmallFleet.open();
  await small.publish(smallRelease('1.0.0', 1));
  await small.publish(smallRelease('2.0.0', 2));
  device = await small.enrol('gate-1');
  await small.declare('r', {
    release: '2.0.0',
    waves: [
      { name: 'one', count: 1, soak: '1h' },
      { name: 'all', percent: 100 },
    ],
  });
  await small.check('gate-1', device, old);
  url = await small.app.listen({ port: 0, host: '127.0.0.1' });
});
afterEach(() => small[Symbol.asyncDispose]());

type Way = 'server' | 'state';
const ways: readonly Way[] = ['server', 'state'];

async function optionsOf(way: Way, scopes: readonly Scope[] = scopeNames): Promise<string[]> {
  if (way === 'state') {
    return ['--state', path.join(small.folder, 'state'), '--store', `file://${path.join(small.folder, 'store')}`];
  }
  const file = path.join(small.folder, 'token');
  await writeFile(file, `${await small.token('operator', ...scopes)}\n`);
  return ['--server', url, '--token-file', file];
}

/** @param stdout what it has printed so far, for those who look while it runs */
const run = (words: readonly string[], stdout: string[] = []) =>
  callDistributor(words, { clock: () => small.now, stdout });

async function call(way: Way, ...words: string[]) {
  return run([...words, ...(await optionsOf(way))]);
}

/** Tokens need no store. */
async function optionsWithoutStore(way: Way): Promise<string[]> {
  const options = await optionsOf(way);
  return options.slice(0, 2).concat(way === 'server' ? options.slice(2) : []);
}

async function json(way: Way, ...words: string[]) {
  const { status, stdout } = await call(way, ...words, '--json');
  return { status, printed: JSON.parse(stdout) };
}

describe.each(ways)('an operator who asks the %s', (way) => {
  it('sees the rollouts in a table and one of them wave by wave', async () => {
    const list = await call(way, 'rollout', 'ls');
    expect(list.stdout).toMatch(
      /^NAME +PRODUCT +VERSION +STATUS +WAVE +COMMITTED +FAILED +SENT BACK +UNDER WAY +WAITING +HELD: DEVICE +HELD: PATH +UNREACHABLE +NOT ASKED/,
    );
    expect(list.stdout).toMatch(/^r +k3s-edge +2\.0\.0 +active +one +0 +0 +0 +1 +0 +0 +0 +0 +0 /m);
    const { stdout } = await call(way, 'rollout', 'show', 'r');
    expect(stdout).toContain('r: k3s-edge 2.0.0 to every device of the product');
    expect(stdout).toMatch(/^one +1 devices +open +[\d.]+ % +\S+ \S+Z \(now\) +1 +0 +0 +0 +1 +0 +0 +0 +0 +0$/m);
    expect(stdout).toMatch(/^all +100 % +waiting +- /m);
    expect(stdout).toMatch(
      /^gate of one: 0 of 1 reached committed \(0 %\), 95 % needed; 0 of 1 results needed; soaks until .*\(in 1 h\)$/m,
    );
  });

  it.each([
    ['pause', 'rollout-paused', 'paused', 'Paused by'],
    ['abort', 'rollout-aborted', 'aborted', 'Aborted by'],
  ])('can %s one, in force by the next check, with the reason on record', async (action, reason, status, said) => {
    const { printed } = await json(way, 'rollout', action, 'r', '--reason', 'waiting for the vendor');
    expect(printed.rollouts).toMatchObject([{ name: 'r', status }]);
    expect(printed.rollouts[0].reason).toMatch(
      new RegExp(`^${said} (token|command line) .+: waiting for the vendor\\.$`),
    );
    expect(await small.check('gate-1', device, old)).toMatchObject({ decision: 'none', reason });
    const events = await small.fleet.listEvents(0, 1000);
    expect(events.find(({ kind }) => kind === status)?.actor).toMatch(way === 'server' ? /^token / : /^command line /);
  });

  it('can abort one that sends its devices back, which is on record', async () => {
    await small.declare('r', { release: '2.0.0', abort: { revert: true }, waves: [{ name: 'all', percent: 100 }] });
    await json(way, 'rollout', 'abort', 'r');
    // A server puts it on record beside its answer, and a program on the state before it ends.
    const reverts = async () => (await small.fleet.listEvents(0, 1000)).filter(({ kind }) => kind === 'revert-begun');
    await expect.poll(reverts, { timeout: 30_000 }).toHaveLength(1);
  });

  it('can promote it, retry it, and resume it after a pause', async () => {
    expect((await json(way, 'rollout', 'promote', 'r')).printed.rollouts[0].waves[1]).toMatchObject({ state: 'open' });
    expect((await json(way, 'rollout', 'retry', 'r')).printed.rollouts[0]).toMatchObject({ generation: 1 });
    await json(way, 'rollout', 'pause', 'r');
    const refused = await json(way, 'rollout', 'promote', 'r');
    expect([refused.status, refused.printed.error.code]).toEqual([6, 'rollout-held']);
    expect((await json(way, 'rollout', 'resume', 'r')).printed.rollouts[0]).toMatchObject({ status: 'active' });
    expect(await small.check('gate-1', device, old)).toMatchObject({ decision: 'update' });
  });

  it('sees devices that two rollouts claim, and which of them comes first', async () => {
    await small.declare('hotfix', { release: '2.0.0', priority: 5, waves: [{ name: 'all', percent: 100 }] });
    const { stdout } = await call(way, 'rollout', 'show', 'r');
    expect(stdout).toContain('conflict: 1 of its devices are claimed by hotfix, too; hotfix comes first.');
    expect((await json(way, 'rollout', 'show', 'hotfix')).printed.rollouts[0].overlaps).toEqual([
      { rollout: 'r', devices: 1, winner: 'hotfix' },
    ]);
  });

  it('sees devices, and one with its reports', async () => {
    await small.report('gate-1', device, {
      rollout: 'r',
      outcome: 'failed',
      code: 'disk-full',
      message: 'no\u001b[31m',
    });
    const ls = (await call(way, 'device', 'ls')).stdout;
    expect(ls).toMatch(/^ID +WAVE +REPORTED +RUNS +PHASE +OUTCOME +HELD BY +LAST SEEN +LABELS$/m);
    expect(ls).toMatch(/^gate-1 +r\/one +2\.0\.0 +1\.0\.0 +committed +failed +device disk-full +now +-$/m);
    const { stdout } = await call(way, 'device', 'show', 'gate-1');
    expect(stdout).toMatch(/ runs +1\.0\.0 \(counter 1\)/);
    expect(stdout).toMatch(/failed +device +disk-full +- +no /);
    expect(stdout).not.toContain('\u001b');
  });

  it('sees what a device tells of itself, in the list, of one and in why', async () => {
    const since = new Date(small.now - 3600_000).toISOString();
    const nextTryAt = new Date(small.now + 900_000).toISOString();
    const troubles = [{ code: 'flux-lost', fault: 'device', message: 'no \u001b[31mflux.', since }];
    await small.check('gate-1', device, { ...old, schemaVersion: 2, troubles } as Partial<CheckRequest>);
    const told = { sequence: 1, at: since, attempt: 'a', rollout: 'r', version: '2.0.0', phase: 'downloading' };
    const stalled = { code: 'download-stalled', fault: 'path', message: 'no byte for 60 s', nextTryAt };
    const body = { schemaVersion: 2, reports: [{ ...told, outcome: 'failed', ...stalled }] };
    expect((await small.ask('POST', '/v1/devices/gate-1/reports', device, body)).statusCode).toBe(200);

    // A code of a newer device is shown as it is.
    expect((await call(way, 'device', 'ls')).stdout).toMatch(/^gate-1 .* failed +device flux-lost +now /m);
    const shown = (await call(way, 'device', 'show', 'gate-1')).stdout;
    expect(shown).toMatch(/trouble +device flux-lost since .* \(1 h ago\): no {2}?\[31mflux\./);
    expect(shown).toMatch(
      /reported +2\.0\.0 of r failed .*, path download-stalled: no byte for 60 s, tries again .*Z \(in 15 min\)/,
    );
    expect(shown).toMatch(/^1 +.* failed +path +download-stalled +\S+ \S+Z \(in 15 min\) +no byte for 60 s$/m);
    const { printed } = await json(way, 'why', 'gate-1');
    expect(printed).toMatchObject({ troubles, lastReport: stalled, heldBy: { code: 'flux-lost', fault: 'device' } });
    expect(printed.decision.next).toMatch(
      new RegExp(
        `^It is held by a trouble of its own \\(flux-lost: .*flux\\); it tries again at ${nextTryAt} by its own`,
      ),
    );
    const { stdout } = await call(way, 'why', 'gate-1');
    expect(stdout).toMatch(/^trouble: device flux-lost since/m);
    expect(stdout).toMatch(/^reported: 2\.0\.0 of r failed .*, path download-stalled: no byte for 60 s, tries again/m);
    expect(stdout).not.toContain('\u001b');

    await small.check('gate-1', device, { ...old, schemaVersion: 2, troubles: [] } as Partial<CheckRequest>);
    expect((await json(way, 'why', 'gate-1')).printed.decision.next).toMatch(
      /^It is held by what carries the bytes to it/,
    );
  });

  it('sees the K3s or K0s of a device', async () => {
    const box = {
      ...{ distribution: 'k3s', role: 'server', unit: 'k3s.service', program: '/usr/local/bin/k3s', nodeName: 'box-1' },
      ...{ dataDir: '/var/lib/rancher/k3s', version: 'v1.33.9+k3s1', datastore: { kind: 'etcd', members: 3 } },
    };
    const told = { ...old, schemaVersion: 2, troubles: [], box: { ...box, mood: 'good' } };
    await small.check('gate-1', device, told as Partial<CheckRequest>);
    const text = 'k3s v1.33.9+k3s1 server (k3s.service), node box-1, etcd of 3 members in /var/lib/rancher/k3s';
    expect((await call(way, 'device', 'show', 'gate-1')).stdout).toContain(text);
    expect((await call(way, 'why', 'gate-1')).stdout).toContain(`box: ${text}`);
    expect((await json(way, 'why', 'gate-1')).printed.device.box).toEqual(box);

    // One that nobody here can read is passed over, and the device has its answer.
    const strange = { ...told, box: { distribution: 'Talos Linux' } };
    expect(await small.check('gate-1', device, strange as Partial<CheckRequest>)).toMatchObject({
      decision: expect.any(String),
    });
    expect((await call(way, 'device', 'show', 'gate-1')).stdout).not.toContain('k3s.service');
  });

  it('chooses devices by label, wave, version, phase, outcome and silence', async () => {
    const rule = { labels: [{ when: { ids: ['gate-3'] }, set: { region: 'north' } }] };
    const fleet = { apiVersion: 'slipway/v1', kind: 'Fleet', metadata: { name: 'f' }, spec: rule };
    await small.writeRolloutFile('fleet.yaml', JSON.stringify(fleet));
    const [second, third] = [await small.enrol('gate-2'), await small.enrol('gate-3')];
    await small.check('gate-2', second, { ...old, labels: { region: 'north', tier: 'lab' } });
    await small.report('gate-2', second, {
      rollout: 'r',
      phase: 'rolled-back',
      outcome: 'rolled-back',
      code: 'health-timeout',
    });
    await small.pass(7200);
    await small.check('gate-3', third, old);
    const chosen = async (...words: string[]) => {
      const { printed } = await json(way, 'device', 'ls', ...words);
      return printed.devices.map(({ id }: { id: string }) => id);
    };
    expect(await chosen()).toEqual(['gate-1', 'gate-2', 'gate-3']);
    expect(await chosen('--label', 'region=north')).toEqual(['gate-2', 'gate-3']);
    expect(await chosen('--label', 'region=north', '--label', 'tier!=lab')).toEqual(['gate-3']);
    expect(await chosen('--wave', 'one')).toEqual(['gate-1']);
    expect(await chosen('--version', '2.0.0')).toEqual(['gate-2']);
    expect(await chosen('--phase', 'rolled-back')).toEqual(['gate-2']);
    expect(await chosen('--outcome', 'none')).toEqual(['gate-1', 'gate-3']);
    expect(await chosen('--silent-since', '1h')).toEqual(['gate-1', 'gate-2']);
    expect(await chosen('--silent-since', new Date(small.now + 1000).toISOString())).toHaveLength(3);
    expect(await chosen('--silent-since', '1h', '--outcome', 'none')).toEqual(['gate-1']);
    expect((await call(way, 'device', 'ls', '--label', 'region=west')).stdout).toBe('No such device.\n');
    expect((await call(way, 'device', 'ls', '--label', 'region=west', '--json')).stdout).toBe('{"devices":[]}\n');
  });

  it('revokes and forgets a device, on record', async () => {
    expect((await json(way, 'device', 'revoke', 'gate-1', '--reason', 'stolen')).printed).toEqual({
      id: 'gate-1',
      status: 'revoked',
    });
    expect(await small.check('gate-1', device, old)).toMatchObject({ code: 'device-revoked' });
    expect((await call(way, 'device', 'forget', 'gate-1')).stdout).toBe('Device gate-1 is forgotten.\n');
    const unknown = await json(way, 'device', 'show', 'gate-1');
    expect([unknown.status, unknown.printed.error.code]).toEqual([5, 'device-unknown']);
    const kinds = (await small.fleet.listEvents(0, 1000)).map(({ kind }) => kind);
    expect(kinds).toEqual(expect.arrayContaining(['device-revoked', 'device-forgotten']));
  });

  it('is told why a device does or does not update', async () => {
    await json(way, 'rollout', 'pause', 'r', '--reason', 'holiday');
    const { stdout } = await call(way, 'why', 'gate-1');
    expect(stdout).toContain('gate-1: k3s-edge on linux/amd64 runs 1.0.0, idle, last seen');
    expect(stdout).toContain('now: is offered nothing (rollout-paused): The rollout is paused., by r');
    expect(stdout).toMatch(/tried +2\.0\.0 offered .*\(now\), no result yet/);
    expect(stdout).toMatch(/next +Nothing until it is resumed\. Paused by .*: holiday\./);
    expect((await json(way, 'why', 'gate-1')).printed).toMatchObject({ decision: { reason: 'rollout-paused' } });
  });

  it('reads the audit log and follows it, without a gap', async () => {
    await json(way, 'rollout', 'pause', 'r', '--reason', 'one');
    const list = await call(way, 'events', '--rollout', 'r', '--last', '2');
    expect(list.stdout.split('\n').map((text) => text.split(/ +/)[3])).toEqual(['wave-opened', 'paused', undefined]);
    const words = ['events', '--follow', '--rollout', 'r', '--since', '0', '--count', '3', '--json'];
    const printed: string[] = [];
    const followed = run([...words, ...(await optionsOf(way))], printed);
    await expect.poll(() => printed.length).toBe(2);
    expect((await json('state', 'rollout', 'resume', 'r')).status).toBe(0);
    const events = (await followed).stdout
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text) as EventView);
    expect(events.map(({ kind }) => kind)).toEqual(['wave-opened', 'paused', 'resumed']);
    expect(events.every(({ id }, index) => index === 0 || id > (events[index - 1]?.id ?? 0))).toBe(true);
  });

  it('makes tokens with names, sees whose they are and when they were used, and revokes them', async () => {
    const options = await optionsWithoutStore(way);
    const call = (...words: string[]) => run([...words, ...options]);
    const json = async (...words: string[]) => {
      const { status, stdout } = await call(...words, '--json');
      return { status, printed: JSON.parse(stdout) };
    };
    const enrolment = await call('enrolment-token', 'create', '--name', 'site north', '--uses', '2');
    expect(enrolment.stdout).toMatch(/^slp_enrol_[A-Za-z0-9_-]{43}\n$/);
    const enrolled = await small.ask('POST', '/v1/enrol', enrolment.stdout.trim(), enrolBody('gate-2'));
    expect(enrolled.statusCode).toBe(201);
    const words = ['token', 'create', '--name', 'ci of shop', '--purpose', 'ci', '--scope', 'rollouts:read'];
    const { printed: made } = await json(...words, '--expires', '90d');
    expect(made).toMatchObject({ name: 'ci of shop', purpose: 'ci', status: 'valid', scopes: ['rollouts:read'] });
    expect((await small.ask('GET', '/v1/rollouts', made.token)).statusCode).toBe(200);
    await small.services.tokenUse.save(small.fleet);

    const owner = way === 'server' ? /^token [0-9a-f]{12}$/ : /^command line/;
    const used = { lastUsedAt: new Date(small.now).toISOString(), owner: expect.stringMatching(owner) };
    const { printed } = await json('token', 'ls', '--purpose', 'ci');
    const { stdout } = await call('token', 'ls');
    expect(printed.tokens).toMatchObject([{ id: made.id, ...used }]);
    expect(stdout).toMatch(/^ID +NAME +PURPOSE +STATUS +FOR +BOUNDS +OWNER +CREATED +EXPIRES +USES LEFT +LAST USE\n/);
    expect(stdout).toMatch(/ site north +enrol +valid +- +- +\S+ .*Z \(in 1 d\) +1 +\S+ \S+Z \(now\)$/m);
    expect(stdout).toMatch(/ ci of shop +ci +valid +rollouts:read +.*Z \(in 90 d\) +- +\S+ \S+Z \(now\)$/m);
    for (const text of [stdout, JSON.stringify(printed), JSON.stringify(await small.fleet.listEvents(0, 1000))]) {
      expect(text).not.toContain('slp_');
    }

    expect((await json('token', 'revoke', made.id)).printed).toEqual({ id: made.id, status: 'revoked' });
    expect((await small.ask('GET', '/v1/rollouts', made.token)).statusCode).toBe(401);
    const unknown = await json('token', 'revoke', 'abc');
    expect([unknown.status, unknown.printed.error.code]).toEqual([3, 'token-unknown']);
  });

  it('says which token a file holds, whatever it may do, and never its text', async () => {
    const place = await optionsWithoutStore(way);
    const order = ['token', 'create', '--name', 'ada', '--purpose', 'ci', '--scope', 'rollouts:read', '--json'];
    const { token, ...known } = JSON.parse((await run([...order, ...place])).stdout);
    const file = path.join(small.folder, 'shown-token');
    await writeFile(file, token, { mode: 0o600 });
    // The last one that is given counts.
    const words = ['whoami', ...place, '--token-file', file];
    const shown = await run([...words, '--json']);
    expect(shown.status).toBe(0);
    expect(JSON.parse(shown.stdout)).toMatchObject(known);
    const { stdout } = await run(words);
    expect(stdout).toMatch(
      /^id +[0-9a-f]{12}\nname +ada\npurpose +ci\nstatus +valid\nfor +rollouts:read\nbounds +-\nowner +\S.*\n/,
    );
    expect(`${stdout}${shown.stdout}`).not.toContain('slp_');

    await run(['token', 'revoke', known.id, ...place]);
    const refused = await run([...words, '--json']);
    expect([refused.status, JSON.parse(refused.stdout).error.code]).toEqual([5, 'unauthenticated']);
    await writeFile(file, 'no token', { mode: 0o600 });
    expect((await run(words)).stderr).toMatch(/^error unauthenticated: /);
    expect((await run(['whoami', ...place.slice(0, 2)])).stderr).toMatch(/^error usage: expected --token-file/);
  });

  it.each([
    ['a rollout that is not there', ['rollout', 'show', 'none'], 3, 'rollout-unknown'],
    ['a device that is not there', ['why', 'none'], 5, 'device-unknown'],
    ['a reason of several lines', ['rollout', 'pause', 'r', '--reason', 'a\nb'], 2, 'usage'],
    ['a kind that is none', ['events', '--kind', 'dance'], 2, 'usage'],
    ['an id that is none', ['events', '--since', 'yesterday'], 2, 'usage'],
    ['a label that is none', ['device', 'ls', '--label', 'north'], 2, 'usage'],
    ['a phase that is none', ['device', 'ls', '--phase', 'asleep'], 2, 'usage'],
    ['a silence that is none', ['device', 'ls', '--silent-since', 'monday'], 2, 'usage'],
  ])('gets the code and the status of %s', async (_name, words, status, code) => {
    const answer = await json(way, ...words);
    expect([answer.status, answer.printed.error.code]).toEqual([status, code]);
  });
});

describe('an operator', () => {
  it('may do with a token what its scopes say', async () => {
    const options = await optionsOf('server', ['rollouts:read']);
    const seen = await run(['rollout', 'ls', '--json', ...options]);
    const refused = await run(['rollout', 'pause', 'r', '--json', ...options]);
    expect(seen.status).toBe(0);
    expect([refused.status, JSON.parse(refused.stdout).error.code]).toEqual([5, 'forbidden']);
  });

  it.each(['/updates', '/updates/', '/a/b'])('reaches a server below the path %s', async (prefix) => {
    const below = prefix.replace(/\/$/, '');
    const proxy = createServer(async (request, response) => {
      const isBelow = request.url?.startsWith(`${below}/`) === true;
      const target = new URL(isBelow ? (request.url ?? '').slice(below.length) : '/nowhere', url);
      const { authorization = '' } = request.headers;
      const answer = await fetch(target, { method: request.method ?? 'GET', headers: { authorization } });
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
      response.end(await answer.text());
    });
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    try {
      const [, , ...token] = await optionsOf('server');
      const server = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${prefix}`;
      const { status, stdout } = await run(['device', 'ls', '--json', '--server', server, ...token]);
      expect([status, JSON.parse(stdout).devices]).toMatchObject([0, [{ id: 'gate-1' }]]);
    } finally {
      proxy.close();
    }
  });

  it('is warned of a token file that others may read', async () => {
    const options = await optionsOf('server');
    const file = options.at(-1) ?? '';
    await chmod(file, 0o644);
    expect((await run(['rollout', 'ls', ...options])).stderr).toContain(`Other accounts may read the token in ${file}`);
    await chmod(file, 0o600);
    expect((await run(['rollout', 'ls', ...options])).stderr).toBe('');
  });

  it('gives no scope with a token that the token itself has not', async () => {
    const options = await optionsOf('server', ['tokens:control', 'rollouts:read']);
    const create = ['token', 'create', '--purpose', 'operator', '--json', ...options, '--scope'];
    const refused = await run([...create, 'rollouts:read', 'rollouts:control']);
    expect([refused.status, JSON.parse(refused.stdout).error.code]).toEqual([5, 'forbidden']);
    expect((await run([...create, 'rollouts:read'])).status).toBe(0);
    expect((await run(['enrolment-token', 'create', ...options])).status).toBe(0);
  });

  it.each([
    ['both a server and a state', ['--server', 'http://127.0.0.1:1', '--state', '/nowhere'], 2, 'usage'],
    ['a server without a token', ['--server', 'http://127.0.0.1:1'], 2, 'usage'],
    ['a token file that is not there', ['--server', 'http://127.0.0.1:1', '--token-file', '/no'], 3, 'key-unreadable'],
    ['plain HTTP to elsewhere', ['--server', 'http://example.com', '--token-file', '/no'], 2, 'transport-insecure'],
  ])('is refused %s', async (_name, options, status, code) => {
    const { status: got, stdout } = await run(['rollout', 'ls', '--json', ...options]);
    expect([got, JSON.parse(stdout).error.code]).toEqual([status, code]);
  });

  it('is told when the server is away, and what to check', async () => {
    const options = await optionsOf('server');
    await small.app.close();
    const { status, stderr } = await run(['rollout', 'ls', ...options]);
    expect([status, stderr]).toEqual([5, expect.stringContaining('server-unreachable')]);
    expect(stderr).toContain('Check --server');
  });

  it('needs the store beside the state for why, and only for that', async () => {
    const state = ['--state', path.join(small.folder, 'state'), '--json'];
    const refused = await run(['why', 'gate-1', ...state]);
    expect([refused.status, JSON.parse(refused.stdout).error.code]).toEqual([2, 'usage']);
    const shown = await run(['rollout', 'show', 'r', ...state]);
    expect(JSON.parse(shown.stdout).rollouts).toMatchObject([{ status: 'active', version: '2.0.0' }]);
    expect(await run(['rollout', 'pause', 'r', ...state])).toMatchObject({ status: 0 });
    expect(await small.check('gate-1', device, old)).toMatchObject({ reason: 'rollout-paused' });
  });

  it('lists devices without the store, which only says in which wave they are', async () => {
    const words = ['device', 'ls', '--state', path.join(small.folder, 'state'), '--store', 'file:///nowhere'];
    const { status, stdout, stderr } = await run(words);
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^gate-1 +r\/one /m)]);
    expect(stderr).toContain('waves are shown by the releases that rollouts started with');
  });

  it('is told what to do next where there is nothing yet', async () => {
    await using empty = await SmallFleet.open();
    const state = ['--state', path.join(empty.folder, 'state')];
    expect((await run(['rollout', 'ls', ...state])).stdout).toContain('slipway-distributor validate');
    expect((await run(['device', 'ls', ...state])).stdout).toContain('slipway-distributor enrolment-token create');
    expect((await run(['events', '--kind', 'aborted', ...state])).stderr).toContain('No such event');
  });
});
