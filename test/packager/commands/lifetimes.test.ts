/** How long signatures hold and how many a role needs: as `init` is told, and as the keys of root change it later. */
import { expect, it } from 'vitest';
import { Workbench } from '../workbench.ts';

const names = ['root-1', 'root-2', 'targets-1', 'ci-1', 'ci-2', 'online-1', 'online-2', 'online-3', 'permits'];

async function repository(...more: string[]) {
  const bench = await Workbench.open();
  await bench.must(['keygen', ...names, '--out', bench.at('k')]);
  const key = (name: string) => bench.at('k', `${name}.key.pem`);
  const words = [
    ...['init', '--store', bench.storeUrl, '--product', 'k3s-edge', '--root-key', key('root-1'), key('root-2')],
    ...['--targets-key', key('targets-1'), '--targets-threshold', '1', '--product-key', key('ci-1'), key('ci-2')],
    ...['--online-key', key('online-1'), key('online-2'), bench.at('k', 'online-3.pub.pem'), ...more],
  ];
  const daysLeft = async () => {
    const { json } = await bench.must(['keys', 'status', '--store', bench.storeUrl, '--json']);
    const roles = json.roles as { role: string; daysLeft?: number; threshold: number }[];
    return Object.fromEntries(roles.map(({ role, daysLeft, threshold }) => [role, [daysLeft, threshold]]));
  };
  return { bench, key, words, daysLeft };
}

it('a repository begins with the thresholds and lifetimes of init', async () => {
  const { bench, key, words, daysLeft } = await repository(
    ...['--online-threshold', '2', '--product-threshold', '2'],
    ...['--lifetime', 'timestamp=3', 'snapshot=14', 'product=90', 'targets=365', 'root=730'],
  );
  await bench.must(words);
  expect(await daysLeft()).toEqual({
    ...{ root: [729, 2], targets: [364, 1], 'k3s-edge': [89, 2], snapshot: [13, 2], timestamp: [2, 2] },
  });
  const refresh = ['refresh', '--store', bench.storeUrl, '--json', '--key'];
  expect((await bench.run([...refresh, key('online-1')])).json.error?.code).toBe('threshold-not-met');
  await bench.must([...refresh, key('online-1'), key('online-2')]);
  expect((await daysLeft()).timestamp).toEqual([2, 2]);
});

it('the keys of root change lifetimes, which hold from the next signature on', async () => {
  const { bench, key, words, daysLeft } = await repository();
  await bench.must(words);
  const file = bench.at('lifetimes.json');
  const { json } = await bench.must([
    'keys',
    'lifetimes',
    'timestamp=2',
    'snapshot=10',
    '--store',
    bench.storeUrl,
    '--out',
    file,
    '--json',
  ]);
  expect(json.changes).toContain('signatures of snapshot hold for 10 days from now on, not 7');
  await bench.must(['keys', 'sign', file, '--key', key('root-1'), key('root-2')]);
  await bench.must(['keys', 'publish', file, '--store', bench.storeUrl, '--key', key('online-1')]);
  expect(await daysLeft()).toMatchObject({ root: [364, 2], snapshot: [9, 1], timestamp: [1, 1] });
});

it.each([
  [['--lifetime', 'timestamp=60'], /timestamp may have 1 to 30 days/],
  [['--lifetime', 'root=7'], /root may have 30 to 1825 days/],
  [['--lifetime', 'timestamp=20', 'snapshot=10'], /may not live longer than its snapshot/],
  [['--lifetime', 'permits=3'], /expected ROLE=DAYS/],
  [['--online-threshold', '0'], /from 1 to 99/],
])('init with %j is refused', async (more, message) => {
  const { bench, words } = await repository(...more);
  const { status, json } = await bench.run([...words, '--json']);
  expect([status, json.error?.code]).toEqual([2, 'usage']);
  expect(json.error?.message).toMatch(message);
});

it('permits are no product, and have a verb of their own', async () => {
  const { bench, key, words } = await repository();
  await bench.must(words);
  const common = ['--add', key('permits'), '--store', bench.storeUrl, '--out', bench.at('r.json'), '--json'];
  const odd = await bench.run(['keys', 'add-product', 'permits', ...common]);
  expect([odd.status, odd.json.error?.code]).toEqual([2, 'usage']);
  expect(odd.json.error?.hint).toContain('keys add permits');
  expect((await bench.must(['keys', 'add', 'permits', ...common])).json.changes).toContainEqual(
    expect.stringContaining('a new role permits'),
  );
});

it('a bundle holds for weeks by a key of the role offline, and by no other', async () => {
  const { bench, key, words } = await repository('--offline-key', 'k/permits.pub.pem');
  await bench.must(words);
  await bench.declare('one');
  await bench.must(['build', 'one/release.yaml', '--out', bench.at('build')]);
  const keys = ['--key', key('ci-1'), key('online-1')];
  await bench.must(['publish', bench.at('build'), '--store', bench.storeUrl, '--channel', 'stable', ...keys]);
  const bundle = (file: string, ...more: string[]) =>
    bench.run([
      ...['bundle', '--store', bench.storeUrl, '--channel', 'k3s-edge/linux-amd64/stable', '--out', bench.at(file)],
      ...[...more, '--json'],
    ]);
  const offline = ['--key', key('permits')];
  const { json } = await bundle('a.bundle', '--valid-for', '90d', '--group', 'site=ship-7', ...offline);
  expect(json.scope).toEqual({ label: { name: 'site', value: 'ship-7' } });
  expect(Date.parse(`${json.expires}`) - Date.now()).toBeGreaterThan(89 * 86_400_000);
  await bench.must(['verify', bench.at('a.bundle'), '--json']);
  for (const [more, code] of [
    [['--valid-for', '90d', ...keys], 'key-not-authorised'],
    [['--valid-for', '200d', ...offline], 'metadata-expired'],
    [['--valid-for', '90', ...offline], 'usage'],
    [['--valid-for', '9d', '--group', 'ship-7', ...offline], 'usage'],
    [['--device', 'ship-7'], 'usage'],
  ] as const) {
    expect((await bundle('b.bundle', ...more)).json.error?.code).toBe(code);
  }
  const { json: status } = await bench.must(['keys', 'status', '--store', bench.storeUrl, '--json']);
  expect(status.roles).toContainEqual(expect.objectContaining({ role: 'offline', threshold: 1 }));
});
