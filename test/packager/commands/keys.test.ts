/** The verbs of `keys` as people type them, from a repository whose time is over to one that is in force again. */
import { writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { Workbench } from '../workbench.ts';

/** All of it in JSON. */
const json = (...words: string[]) => [...words, '--json'];

async function repository() {
  const bench = await Workbench.open();
  await bench.must([
    'keygen',
    'root-1',
    'root-2',
    'root-3',
    'targets-1',
    'targets-2',
    'ci',
    'online',
    'next',
    '--out',
    bench.at('k'),
  ]);
  const key = (name: string) => bench.at('k', `${name}.key.pem`);
  await bench.must([
    ...[
      'init',
      '--store',
      bench.storeUrl,
      '--product',
      'k3s-edge',
      '--product-key',
      key('ci'),
      '--online-key',
      key('online'),
    ],
    ...['--root-key', key('root-1'), key('root-2'), bench.at('k', 'root-3.pub.pem')],
    ...['--targets-key', key('targets-1'), key('targets-2'), '--root-out', bench.at('root.json')],
  ]);
  return { bench, key, store: ['--store', bench.storeUrl] };
}

it('renew what ends: asked for, shown, signed by each holder, published', async () => {
  const { bench, key, store } = await repository();
  const { json: status } = await bench.must(json('keys', 'status', ...store));
  expect((status.roles as { role: string; version?: number }[]).map(({ role, version }) => [role, version])).toEqual([
    ...[
      ['root', 1],
      ['targets', 1],
      ['snapshot', 1],
      ['timestamp', 1],
      ['k3s-edge', 1],
    ],
  ]);
  const soon = await bench.run(json('keys', 'status', ...store, '--fail-within-days', '200'));
  expect([soon.status, soon.json.error?.code]).toEqual([4, 'metadata-expired']);
  expect(soon.json.error?.message).toContain('targets at');
  expect((await bench.run(json('keys', 'status', ...store, '--fail-within-days', '30'))).status).toBe(0);

  const file = bench.at('renew.json');
  const { json: asked } = await bench.must(json('keys', 'renew', 'root', 'targets', ...store, '--out', file));
  expect(asked).toMatchObject({ complete: false });
  const early = await bench.run(json('keys', 'publish', file, ...store, '--key', key('online')));
  expect([early.status, early.json.error?.code]).toEqual([4, 'threshold-not-met']);
  for (const name of ['root-1', 'targets-1', 'targets-2'])
    await bench.must(json('keys', 'sign', file, '--key', key(name)));
  const stranger = await bench.run(json('keys', 'sign', file, '--key', key('ci')));
  expect([stranger.status, stranger.json.error?.code]).toEqual([4, 'key-not-authorised']);
  const { json: last } = await bench.must(json('keys', 'sign', file, '--key', key('root-2')));
  expect(last).toMatchObject({ complete: true });
  const { json: applied } = await bench.must(
    json('keys', 'publish', file, ...store, '--key', key('online'), '--root', bench.at('root.json')),
  );
  expect(applied).toMatchObject({ rootVersion: 2, targetsVersion: 2 });
  await bench.must(['verify', bench.storeUrl, '--root', bench.at('root.json')]);
}, 120_000);

it('say what is wrong with a wish, a number and a file', async () => {
  const { bench, key, store } = await repository();
  const out = ['--out', bench.at('r.json')];
  await writeFile(bench.at('not.json'), '{}');
  const cases: [string[], number, string][] = [
    [['keys', 'renew', 'timestamp', ...store, ...out], 2, 'usage'],
    [['keys', 'add', 'nobody', '--add', key('next'), ...store, ...out], 3, 'product-unknown'],
    [['keys', 'revoke', 'root', '--revoke', '00000000', ...store, ...out], 2, 'usage'],
    [['keys', 'add', 'root', '--add', key('next'), '--threshold', '0', ...store, ...out], 2, 'usage'],
    [['keys', 'add-product', 'No Product', '--add', key('next'), ...store, ...out], 2, 'usage'],
    [['keys', 'sign', bench.at('not.json'), '--key', key('root-1')], 4, 'metadata-malformed'],
    [['keys', 'sign', bench.at('gone.json'), '--key', key('root-1')], 3, 'document-unreadable'],
  ];
  for (const [words, status, code] of cases) {
    const { json: printed, status: ended } = await bench.run(json(...words));
    expect([words[1], ended, printed.error?.code]).toEqual([words[1], status, code]);
  }
}, 120_000);
