import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventKindNames } from '../../../distributor/events/kinds.ts';
import type { Scope } from '../../../distributor/fleet/access/scopes.ts';
import { mintToken } from '../../../distributor/fleet/access/token.ts';
import { smallRelease } from '../../fakes/signed-repository.ts';
import { SmallFleet } from '../../fakes/small-fleet.ts';

let small: SmallFleet;
let reader: string;
let url: string;
beforeEach(async () => {
  small = await SmallFleet.open();
  reader = await small.token('operator', 'events:read');
  url = await small.app.listen({ port: 0, host: '127.0.0.1' });
});
afterEach(() => small[Symbol.asyncDispose]());

const note = (reason: string, rollout = 'r') =>
  small.fleet.appendEvent({ at: small.now, actor: 'command line', kind: 'paused', rollout, reason });

function follow(query = '', headers: Record<string, string> = {}) {
  return fetch(`${url}/v1/events/stream${query}`, { headers: { authorization: `Bearer ${reader}`, ...headers } });
}

/** Reads until `count` events were there. */
async function eventsOf(response: Response, count: number): Promise<{ id: number; data: { reason: string } }[]> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    const found = [...text.matchAll(/^id: (\d+)\ndata: (.+)\n\n/gm)];
    if (found.length >= count) return found.map(([, id, data = '']) => ({ id: Number(id), data: JSON.parse(data) }));
  }
  throw new Error(`the stream ended after: ${text}`);
}

describe('the stream of events', () => {
  it('sends what happens from now on, whoever records it', async () => {
    await note('before');
    const response = await follow();
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    await using other = await SmallFleet.open({ beside: small });
    await other.fleet.appendEvent({ at: 1, actor: 'rollouts', kind: 'aborted', reason: 'elsewhere' });
    expect(await eventsOf(response, 1)).toMatchObject([{ data: { kind: 'aborted', reason: 'elsewhere' } }]);
  });

  it('goes on after the id that the client saw last', async () => {
    for (const reason of ['one', 'two', 'three']) await note(reason);
    const all = await eventsOf(await follow('?after=0'), 4);
    const first = all.find(({ data }) => data.reason === 'one');
    const resumed = await eventsOf(await follow('?after=0', { 'last-event-id': String(first?.id) }), 2);
    expect(resumed.map(({ data }) => data.reason)).toEqual(['two', 'three']);
  });

  it('has only what lies inside for a token that is bound, also of what is recorded later', async () => {
    reader = await small.boundToken({ rollouts: ['mine'] }, ['events:read']);
    await small.declare('mine', { release: '1.0.0', waves: [{ name: 'all', percent: 100 }] });
    const response = await follow('?after=0');
    await note('hidden', 'other');
    await small.fleet.appendEvent({ at: 1, actor: 'rollouts', kind: 'metadata-signed', reason: 'of the whole fleet' });
    await note('seen', 'mine');
    expect((await eventsOf(response, 1)).map(({ data }) => data.reason)).toEqual(['seen']);
  });

  it('ends with the token that it was asked with', async () => {
    const { token, record } = mintToken({
      ...{ purpose: 'operator', scopes: ['events:read'], lifetimeSeconds: 1, now: small.now, randomBytes },
    });
    await small.fleet.saveToken(record);
    reader = token;
    await expect(eventsOf(await follow(), 1)).rejects.toThrow('the stream ended');
  });

  it('filters by rollout and kind', async () => {
    await note('other', 'other');
    await note('mine', 'mine');
    const [event] = await eventsOf(await follow('?after=0&rollout=mine&kind=paused'), 1);
    expect(event?.data.reason).toBe('mine');
  });

  const refusals: [string, { id?: string; query?: string; scope?: Scope }, number, string][] = [
    ['an id that is none', { id: 'x' }, 400, 'usage'],
    ['a kind that is none', { query: '?kind=dance' }, 400, 'usage'],
    ['a token without the scope', { scope: 'devices:read' }, 403, 'forbidden'],
  ];
  it.each(refusals)('refuses %s', async (_name, { id, query, scope }, status, code) => {
    const authorization = scope && `Bearer ${await small.token('operator', scope)}`;
    const answer = await follow(query, {
      ...(id === undefined ? {} : { 'last-event-id': id }),
      ...(authorization === undefined ? {} : { authorization }),
    });
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([status, code]);
  });

  it('is limited in number for each token and shown in the metrics, and leaves others their places', async () => {
    const streams = await Promise.all(Array.from({ length: 8 }, () => follow()));
    expect(streams.every(({ status }) => status === 200)).toBe(true);
    const refused = await follow();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '30']);
    expect(await refused.json()).toMatchObject({ code: 'rate-limited' });
    const other = await follow('', { authorization: `Bearer ${await small.token('operator', 'events:read')}` });
    expect(other.status).toBe(200);
    expect((await small.ask('GET', '/metrics')).body).toContain('slipway_event_streams 9');
    await other.body?.cancel();
    await Promise.all(streams.map((stream) => stream.body?.cancel()));
    await expect.poll(async () => (await follow()).status).toBe(200);
  });

  it('ends when the server closes, which waits for nobody', async () => {
    const response = await follow();
    const ended = response.text();
    await small.app.close();
    expect(await ended).toBe('retry: 2000\n\n');
  });
});

describe('the audit log', () => {
  it('has every decision of people and of the distributor, by kinds that are listed, and no secret', async () => {
    await small.publish(smallRelease('1.0.0', 1));
    await small.publish(smallRelease('2.0.0', 2));
    const token = await small.enrol('gate-1');
    await small.declare('r', {
      release: '2.0.0',
      waves: [
        { name: 'one', count: 1, soak: '1h' },
        { name: 'all', percent: 100 },
      ],
      abort: { minFailures: 1, failurePercent: 1, revert: true },
    });
    const control = await small.token('operator', 'rollouts:control', 'devices:control');
    const say = (path: string, reason: string) => small.ask('POST', path, control, { reason });
    await say('/v1/rollouts/r/pause', 'waiting for the vendor');
    await say('/v1/rollouts/r/resume', '');
    await say('/v1/rollouts/r/promote', 'it is urgent');
    await say('/v1/rollouts/r/retry', 'fixed the disk.');
    await small.check('gate-1', token);
    await small.report('gate-1', token, { rollout: 'r', version: '2.0.0', outcome: 'committed' });
    await say('/v1/rollouts/r/abort', 'bad');
    const current = { version: '2.0.0', counter: 2, manifestSha256: (await offeredDigest()) ?? '' };
    const answer = await small.check('gate-1', token, { current, counterFloor: 2 });
    expect(answer.decision).toBe('revert');
    await small.writeRolloutFile('bad.yaml', 'kind: Nonsense');
    await say('/v1/devices/gate-1/revoke', 'stolen');
    await say('/v1/devices/gate-1/forget', '');

    const page = (await small.ask('GET', '/v1/events?limit=1000', reader)).json<{
      events: { kind: string; reason: string; actor: string }[];
      more: boolean;
    }>();
    const kinds = page.events.map(({ kind }) => kind);
    expect(eventKindNames).toEqual(expect.arrayContaining(kinds));
    expect(kinds).toEqual([
      'plan-applied',
      'device-enrolled',
      'plan-applied',
      'wave-opened',
      'paused',
      'resumed',
      'wave-opened',
      'retried',
      'aborted',
      'revert-begun',
      'permit-issued',
      'plan-refused',
      'device-revoked',
      'device-forgotten',
    ]);
    const paused = page.events.find(({ kind }) => kind === 'paused');
    expect(paused?.actor).toMatch(/^token [0-9a-f]{12}$/);
    expect(paused?.reason).toBe(`Paused by ${paused?.actor}: waiting for the vendor.`);
    const text = JSON.stringify(page);
    for (const secret of [token, control, reader]) expect(text).not.toContain(secret);
  });

  async function offeredDigest() {
    return small.catalog.state.releases.all().find(({ version }) => version === '2.0.0')?.manifestSha256;
  }

  it('tells once why a gate does not hold', async () => {
    await small.publish(smallRelease('2.0.0', 2));
    const token = await small.enrol('gate-1');
    await small.declare('r', {
      release: '2.0.0',
      waves: [
        { name: 'one', percent: 50 },
        { name: 'all', percent: 100 },
      ],
    });
    await small.check('gate-1', token);
    await small.report('gate-1', token, { rollout: 'r', version: '2.0.0', outcome: 'rolled-back' });
    for (let i = 0; i < 3; i++) await small.pass(10);
    const told = async () => (await small.ask('GET', '/v1/events?kind=gate-closed', reader)).json().events;
    const once = [{ rollout: 'r', facts: { wave: 'one', why: 'gate-not-met' } }];
    await expect.poll(told).toMatchObject(once);
    await small.pass(10);
    expect(await told()).toMatchObject(once);
  });
});
