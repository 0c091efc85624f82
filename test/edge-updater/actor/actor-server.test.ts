/** What may be asked of the actor, and what may not: it answers to its list alone, one thing after the other on the data. */
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../../contract/digest.ts';
import { SlipwayError } from '../../../contract/errors.ts';
import { type Actions, maxLineBytes } from '../../../edge-updater/actor/actions.ts';
import {
  boxByActor,
  clusterByActor,
  healthByActor,
  payloadsByActor,
  preflightByActor,
} from '../../../edge-updater/adapters/actor/acted-box.ts';
import { ActorClient } from '../../../edge-updater/adapters/actor/actor-client.ts';
import type { Box } from '../../../edge-updater/box/box.ts';
import { actionsBy } from '../../../edge-updater/wiring/open-actor.ts';
import { ActorOfBox, actionsOfTest } from '../../fakes/actor-of-box.ts';
import { update } from '../../fakes/box-start.ts';
import { prepareBox, scenarios } from '../updated-box.ts';

const release = sha256(Buffer.from('release'));
const taken = { attempt: 'a-1', takenAt: '2026-12-01T00:00:00.000Z' };
const never = new AbortController().signal;

const box: Box = {
  ...{
    distribution: 'k3s',
    role: 'server',
    unit: 'k3s.service',
    program: '/usr/local/bin/k3s',
    dataDir: '/var/lib/k3s',
  },
  ...{ datastore: { kind: 'sqlite' }, configuration: ['/etc/rancher/k3s/config.yaml'] },
};
const api = { name: 'flowcontrol.apiserver.k8s.io/v1beta3 flowschemas', removedIn: '1.32' };
const times = { file: '/var/lib/k3s/server/tls/server-ca.crt', notBefore: 1, notAfter: 2 };

let folder: string;
let actor: ActorOfBox;
const done: string[] = [];
const served: Actions = {
  ...actionsOfTest('/nonexistent'),
  claim: async (digest) => {
    done.push(digest);
  },
  'tell-owner': async () => release,
};

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'slipway-actor-'));
  done.length = 0;
  actor = new ActorOfBox(folder, served);
  await actor.listen();
});
afterEach(async () => {
  await actor[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

async function said(line: string): Promise<unknown> {
  const socket = connect({ path: actor.socketFile });
  socket.on('error', () => undefined).write(line);
  const answer = await text(socket).catch(() => '');
  return answer === '' ? undefined : JSON.parse(answer);
}

const ask = (action: string, asked?: unknown) => said(`${JSON.stringify({ action, asked })}\n`);
const isRefused = { error: { code: 'usage' } };

describe('the actor of a box', () => {
  it('unpacks and links what a release names, by its digest', async () => {
    const payload = 'b'.repeat(64);
    const asked: unknown[] = [];
    const note = (name: string) => async (what: unknown) => void asked.push([name, what]);
    Object.assign(served, {
      ...{ 'unpack-payload': note('unpack'), 'link-payload': note('link'), 'settle-payload': note('settle') },
      ...{ 'prune-payloads': note('prune'), 'tell-room-for-payload': async () => 80 },
    });
    const payloads = payloadsByActor(actor.client);
    expect(await payloads.roomFor(payload, 20)).toBe(80);
    await payloads.unpack(release, payload, never);
    await payloads.link(payload);
    await payloads.settle();
    await payloads.prune([payload]);
    expect(asked).toEqual([
      ['unpack', { release, payload }],
      ['link', payload],
      ['settle', undefined],
      ['prune', [payload]],
    ]);
  });

  it('saves the datastore for an attempt, and for an updater of before, which names none', async () => {
    const asked: unknown[] = [];
    const saved = { file: '/data/slipway-box-1-1', bytes: 4096 };
    const save = async (what: unknown) => {
      asked.push(what);
      return saved;
    };
    Object.assign(served, { 'save-datastore': save });
    expect(await clusterByActor(actor.client).save('a-1', never)).toEqual(saved);
    expect(await ask('save-datastore')).toEqual({ answer: saved });
    expect(asked).toEqual([{ attempt: 'a-1' }, undefined]);
  });

  it.each([
    ['few', {}],
    ['many', { serverVersion: '1.33.9+k3s1', autopilot: 'Schedulable', availableBytes: 1e9, requestedApis: [api] }],
  ])('tells %s facts of its own box as they are', async (_, more) => {
    // Longer than any question may be.
    const processes = Array.from({ length: 300 }, () => ['sh', '-c', 'x'.repeat(500)]);
    const facts = { box, now: 7, certificates: [times], dropIns: [], processes, ...more };
    Object.assign(served, { 'look-at-facts': async ({ now }: { now: number }) => ({ ...facts, now }) });
    const programs = async () => ({ version: { kind: 'killed', signal: 'SIGKILL' } as const, checks: [] });
    const preflight = preflightByActor(actor.client, { programs });
    expect(await preflight.facts({ ...box, dataDir: '/elsewhere' }, 7, never)).toEqual(facts);
  });

  it('does what is on its list', async () => {
    expect(await ask('claim', release)).toEqual({});
    expect(done).toEqual([release]);
    expect(await ask('tell-owner')).toEqual({ answer: release });
  });

  it.each([
    ['an action that it has not', 'read-file', '/etc/shadow'],
    ['a property of every object', 'constructor', undefined],
    ['a release that is no digest', 'claim', '../../etc'],
    ['a copy whose attempt is a path', 'put-back', { ...taken, attempt: '../../../etc' }],
    ['a copy whose attempt has a path in it', 'put-links-back', { ...taken, attempt: 'a/b' }],
    [
      'a copy of another place',
      'take-snapshot',
      { passage: { attempt: 'a', from: release, to: release, dataDir: '/' } },
    ],
    ['a save whose attempt is a path', 'save-datastore', { attempt: '../../etc' }],
    ['another box', 'read-box', { unit: 'sshd.service' }],
    ['a payload that is a path', 'link-payload', '../current'],
    ['a payload of a program that is a path', 'unpack-payload', { release: '/tmp/k3s', payload: release }],
    ['facts of another box', 'look-at-facts', { now: 1, box: { dataDir: '/' } }],
    ['more ways than there are', 'prune-snapshots', Array(9).fill({ from: release, to: release })],
  ])('refuses %s', async (_, action, asked) => {
    expect(await ask(action, asked)).toMatchObject(isRefused);
    expect(await ask('tell-owner')).toEqual({ answer: release });
  });

  it.each([
    ['no JSON', 'claim\n'],
    ['a member too many', `${JSON.stringify({ action: 'tell-owner', as: 'root' })}\n`],
  ])('refuses %s', async (_, line) => {
    expect(await said(line)).toMatchObject(isRefused);
  });

  it('hangs up on more bytes than a line may have, and on nothing', async () => {
    expect(await said('x'.repeat(maxLineBytes + 1))).toBeUndefined();
    const silent = connect({ path: actor.socketFile });
    silent.on('error', () => undefined).end();
    await once(silent.resume(), 'close');
    expect(await ask('tell-owner')).toEqual({ answer: release });
  });

  it('ends work on the data of somebody who is gone before it begins the next', async () => {
    const order: string[] = [];
    let letOn: () => void = () => undefined;
    const began = new Promise<void>((begun) => {
      Object.assign(served, {
        claim: async (digest: string) => {
          order.push(`begin ${digest.slice(0, 1)}`);
          begun();
          if (order.length === 1) await new Promise<void>((resolve) => (letOn = resolve));
          order.push(`end ${digest.slice(0, 1)}`);
        },
      });
    });
    const gone = connect({ path: actor.socketFile });
    gone.write(`${JSON.stringify({ action: 'claim', asked: `0${release.slice(1)}` })}\n`);
    await began;
    gone.destroy();
    const next = ask('claim', `1${release.slice(1)}`);
    // What does not touch the data is answered meanwhile, and has come later.
    expect(await ask('wait-for', {})).toEqual({});
    letOn();
    await next;
    expect(order).toEqual(['begin 0', 'end 0', 'begin 1', 'end 1']);
  });

  it('ends when nobody asks', async () => {
    await actor[Symbol.asyncDispose]();
    const server = await actor.listen(0.05);
    expect(await ask('tell-owner')).toEqual({ answer: release });
    await server.ended(never);
    const asked = new ActorClient(actor.socketFile, async () => undefined, { pausesMs: [1] }).ask(
      'tell-owner',
      undefined,
    );
    await expect(asked).rejects.toMatchObject({ code: 'actor-unavailable' });
  });
});

describe('an updater that asks', () => {
  it('is told what the action throws, by its code', async () => {
    Object.assign(served, {
      'put-back': async () => {
        throw new SlipwayError('datastore-not-restorable', 'there is none', { hint: 'Restore it.' });
      },
    });
    await expect(actor.client.ask('put-back', taken)).rejects.toMatchObject({
      ...{ code: 'datastore-not-restorable', message: 'there is none', hint: 'Restore it.' },
    });
  });

  it('is told why where the actor finds no record of a box', async () => {
    await using lost = new ActorOfBox(mkdtempSync(path.join(folder, 'lost-')), actionsBy('/nonexistent.yaml', folder));
    await lost.listen();
    await expect(lost.client.ask('measure', undefined)).rejects.toMatchObject({ code: 'box-unknown' });
  });

  it('asks once where the actor takes too long', async () => {
    let asked = 0;
    Object.assign(served, {
      'read-box': (_: undefined, gone: AbortSignal) => {
        asked++;
        return new Promise((_, reject) => gone.addEventListener('abort', () => reject(new Error('gone'))));
      },
    });
    const client = new ActorClient(actor.socketFile, async () => undefined, { answerMs: 20 });
    await expect(client.ask('read-box', undefined)).rejects.toThrow('no answer to read-box in time');
    expect(asked).toBe(1);
  });

  it('takes a box that cannot be read for one that refuses, and for one that is not well', async () => {
    Object.assign(served, { 'read-box': async () => ({ kind: 'box', box: { unit: 7 } }) });
    expect(await boxByActor(actor.client).read()).toMatchObject({ kind: 'refused', code: 'actor-unavailable' });
    Object.assign(served, { 'look-at-health': async () => 'well' });
    const question = { stated: undefined, lease: undefined };
    const look = await healthByActor(actor.client).look(question, never);
    expect(look?.steps).toMatchObject([
      { step: 'box', outcome: 'failed', saw: expect.stringMatching(/^actor-unavail/) },
    ]);
  });

  it.each(scenarios)('has the box updated and brought back: $name', async (scenario) => {
    const { edge, box, old, next } = await prepareBox(scenario);
    using _ = edge;
    await using real = new ActorOfBox(edge.folder, actionsOfTest(edge.stateDirectory));
    await real.listen();
    const device = edge.start({ service: box, data: real.data(edge.stateDirectory) });
    await update(device);
    expect(box.running).toBe(scenario.isSick ? old : next);
    expect(await box.data.owner()).toBe(box.running);
    expect([real.restarts, existsSync(path.join(edge.stateDirectory, 'hold'))]).toEqual([0, false]);
  });

  it('has no data copied or put back that a running unit writes, nor without its hold', async () => {
    const { edge } = await prepareBox(scenarios[0] as (typeof scenarios)[number]);
    using _ = edge;
    const active = { isActive: true, crashes: 0, detail: 'k3s.service is active' };
    let condition = { ...active, isActive: false };
    const actions = actionsOfTest(edge.stateDirectory, async () => condition);
    const passage = { attempt: 'a-1', from: release, to: release };
    const copy = () => actions['take-snapshot']({ passage, takenAt: taken.takenAt }, never);
    await expect(copy()).rejects.toThrow('nothing holds its unit');
    const data = new ActorOfBox(edge.folder, actions).data(edge.stateDirectory);
    data.hold('test');
    condition = active;
    await expect(copy()).rejects.toThrow('k3s.service is active');
    await expect(actions['put-back'](taken, never)).rejects.toThrow('k3s.service is active');
    condition = { ...active, isActive: false };
    await copy();
  });
});
