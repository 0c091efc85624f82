/** A server with the online key signs by itself, from its own thread; one without it warns. One replica does both. */
import { expect, it } from 'vitest';
import { SlipwayError } from '../../../contract/errors.ts';
import { onlineSigner } from '../../../distributor/adapters/online-signing/online-signer.ts';
import { Catalog } from '../../../distributor/catalog/catalog.ts';
import type { AuditEvent } from '../../../distributor/events/ports.ts';
import { Freshness } from '../../../distributor/freshness/freshness.ts';
import type { OnlineSigner } from '../../../distributor/freshness/ports.ts';
import { createRepository } from '../../../packager/publish/create-repository.ts';
import { generateKeyPair, isSigningKey, parseKey } from '../../../system/signing/signing-key.ts';
import { directoryWriter } from '../../../system/store/directory-writer.ts';
import { callDistributor } from '../../fakes/distributor-command.ts';
import { daysLater, newKey, start } from '../../packager/repository-fixture.ts';
import { Workbench } from '../../packager/workbench.ts';

function online() {
  const { privatePem } = generateKeyPair();
  const key = parseKey(privatePem, 'online');
  if (!isSigningKey(key)) throw new Error('expected a key that signs');
  return { privatePem, key };
}

async function server(signerOf: 'file' | OnlineSigner | undefined, isLeader = true) {
  const bench = await Workbench.open();
  const { privatePem, key } = online();
  const store = directoryWriter(bench.at('store'));
  const one = () => ({ keys: [newKey()], threshold: 1 });
  const products = new Map([['k3s-edge', one()]]);
  const keys = { root: one(), targets: one(), online: { keys: [key], threshold: 1 }, products };
  const root = await createRepository(store, keys, start, false);
  const place = {
    store: bench.storeUrl,
    keys: [await bench.write('online.key.pem', privatePem)],
    root: await bench.write('root.json', root.bytes),
  };
  const events: AuditEvent[] = [];
  let now = start;
  const catalog = new Catalog(store);
  await catalog.refresh(now);
  const silent = () => undefined;
  const freshness = new Freshness({
    catalog,
    signer: signerOf === 'file' ? onlineSigner(place) : signerOf,
    fleet: {
      asLeader: async (work) => (isLeader ? work() : undefined),
      appendEvent: async (event) => void events.push(event),
    },
    clock: () => now.getTime(),
    log: { info: silent, warn: silent, error: silent },
  });
  const lookAt = (days: number) => {
    now = daysLater(days);
    return freshness.look();
  };
  return { catalog, freshness, lookAt, kinds: () => events.map(({ kind }) => kind), events };
}

it('is given the root that devices pin, or does not start', async () => {
  const { status, stderr } = await callDistributor(['serve', '--store', '/nowhere', '--online-key', 'online.key.pem']);
  expect([status, stderr]).toEqual([2, expect.stringContaining('expected --root with --online-key')]);
});

it('signs in its thread when half of the time is over, and the catalog goes on', async () => {
  const { catalog, freshness, lookAt, kinds } = await server('file');
  expect(await lookAt(0.1)).toBe(false);
  expect(await lookAt(4)).toBe(true);
  await catalog.refresh(daysLater(4.1));
  expect(await lookAt(4.1)).toBe(false);
  expect(kinds()).toEqual(['metadata-signed']);
  expect(freshness.problem).toBeUndefined();
  await catalog.refresh(daysLater(4.2));
  expect(catalog.state.problem).toBeUndefined();
});

it('a replica that does not lead neither signs nor warns', async () => {
  const { lookAt, kinds } = await server('file', false);
  expect(await lookAt(4)).toBe(false);
  expect(kinds()).toEqual([]);
});

it('tells once why it cannot sign, and that it heals', async () => {
  let answer: () => Promise<Awaited<ReturnType<OnlineSigner['signIfDue']>>> = async () => {
    throw new SlipwayError('signer-failed', 'the token is locked');
  };
  const { freshness, lookAt, kinds } = await server({ signIfDue: () => answer() });
  for (const _ of [1, 2]) await lookAt(0);
  expect([kinds(), freshness.problem?.code]).toEqual([['metadata-not-signed'], 'signer-failed']);
  answer = async () => ({ kind: 'not-due', timestampVersion: 1, timestampExpires: '2026-01-02T00:00:00Z' });
  await lookAt(0);
  expect(freshness.problem).toBeUndefined();
});

it('a server without the key warns of each role once before it ends, and once after', async () => {
  const { lookAt, events } = await server(undefined);
  const told = () => events.map(({ facts }) => facts?.role);
  for (const days of [50, 51]) await lookAt(days);
  expect(told()).toEqual(['timestamp', 'snapshot', 'k3s-edge']);
  await lookAt(61);
  expect(told().slice(3)).toEqual(['k3s-edge']);
  expect(events.at(-1)?.reason).toContain('ended at 2026-03-02T00:00:00Z');
});
