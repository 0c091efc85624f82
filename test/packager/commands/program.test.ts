import { readdir, readFile, stat } from 'node:fs/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { describeUnless } from '../../services/requirement.ts';
import { freshBucket, s3Service } from '../../services/s3.ts';
import { noise, Workbench } from '../workbench.ts';

describe('slipway-packager', () => {
  it('takes a release from nothing to a verified bundle', async () => {
    const bench = await Workbench.open();
    await bench.declare('a', { content: noise(1, 3000) });
    const store = ['--store', bench.storeUrl];
    const init = await bench.mustProgram([
      ...['init', '--demo', ...store, '--keys', 'keys', '--product', 'k3s-edge', '--root-out', 'root.json', '--json'],
    ]);
    expect(init.json).toMatchObject({ demo: true, products: ['k3s-edge'], rootVersion: 1 });
    expect(init.stderr).toContain('demonstration');
    const root = JSON.parse(await readFile(bench.at('root.json'), 'utf8'));
    expect(root.signed.custom).toEqual({ demo: true });
    for (const name of await readdir(bench.at('keys'))) {
      expect((await stat(bench.at('keys', name))).mode & 0o777).toBe(name.endsWith('.key.pem') ? 0o600 : 0o644);
    }
    const built = await bench.mustProgram(['build', 'a/release.yaml', '--out', 'built', '--json']);
    expect(built.json).toMatchObject({ version: '1.0.0', counter: 1, components: [{ name: 'server' }] });
    const publish = [
      'publish',
      'built',
      ...store,
      '--channel',
      'stable',
      '--keys',
      'keys',
      '--root',
      'root.json',
      '--json',
    ];
    const published = await bench.mustProgram(publish);
    expect(published.json).toMatchObject({ outcome: 'published', deltas: [], channel: 'stable' });
    const steps = ['reading the repository', 'uploading blobs: 1 objects', 'uploading the manifest', 'signing'];
    expect(published.stderr.split('\n').filter((line) => steps.some((step) => line.startsWith(step)))).toHaveLength(4);
    expect((await bench.mustProgram(publish)).json).toMatchObject({ outcome: 'unchanged' });
    await bench.mustProgram(['refresh', ...store, '--keys', 'keys', '--json']);
    const release = ['--channel', 'k3s-edge/linux-amd64/stable', '--out', 'x.bundle'];
    await bench.mustProgram(['bundle', ...store, ...release, '--root', 'root.json', '--json']);
    for (const what of [bench.storeUrl, 'x.bundle']) {
      const verified = await bench.mustProgram(['verify', what, '--root', 'root.json', '--json']);
      expect(verified.json).toMatchObject({ ok: true, releases: 1, blobs: 1, rootPinned: true });
    }
    expect((await bench.mustProgram(['inspect', bench.storeUrl, '--json'])).json).toMatchObject({
      demo: true,
      releases: [{ version: '1.0.0', custom: { channels: ['stable'] } }],
    });
    for (const what of ['built', 'x.bundle']) {
      const { json } = await bench.mustProgram(['inspect', what, '--json']);
      expect(json).toMatchObject({ manifest: { product: 'k3s-edge', version: '1.0.0' } });
    }
  });

  it('makes a delta and explains it', async () => {
    const bench = await Workbench.open();
    const old = noise(1, 50_000);
    await bench.write('old', old);
    await bench.write('new', `${old.slice(0, 20_000)}edited${old.slice(20_000)}`);
    const { json, stdout } = await bench.mustProgram(['delta', 'old', 'new', '--out', 'd', '--json']);
    expect(json).toMatchObject({ strategy: 'whole', parts: [{ label: 'new', method: 'approximate' }], givenUp: [] });
    expect((await stat(bench.at('d'))).size).toBe(json.length);
    expect(stdout).not.toContain('PART');
    const explained = await bench.mustProgram(['delta', 'old', 'new', '--out', 'd', '--explain']);
    expect(explained.stdout).toMatch(/^PART +SIZE +METHOD +DELTA +SHARE +FROM +TRIED\nnew +50.0 kB +approximate /);
    expect(explained.stdout).toContain('proved');
    const missing = await bench.run(['delta', 'none', 'new', '--out', 'x', '--json']);
    expect(missing).toMatchObject({ status: 3, json: { error: { code: 'component-unreadable' } } });
    expect(await readdir(bench.folder)).not.toContain('x');
  });

  it('makes a repository with thresholds of 2 of 3, one key of each only public', async () => {
    const bench = await Workbench.open();
    const names = ['root-1', 'root-2', 'root-3', 'targets-1', 'targets-2', 'targets-3', 'ci', 'online'];
    await bench.must(['keygen', ...names, '--out', 'k']);
    const pair = (role: string) => [1, 2].map((n) => `k/${role}-${n}.key.pem`);
    const init = (rootKeys: string[]) => [
      ...['init', '--store', bench.storeUrl, '--product', 'k3s-edge', 'k0s-edge', '--json', '--root-key', ...rootKeys],
      ...['--targets-key', ...pair('targets'), 'k/targets-3.pub.pem'],
      ...['--product-key', 'k/ci.key.pem', '--online-key', 'k/online.key.pem'],
    ];
    const few = await bench.run(init(['k/root-1.key.pem', 'k/root-2.pub.pem', 'k/root-3.pub.pem']));
    expect(few.json.error).toMatchObject({ code: 'threshold-not-met' });
    const twice = await bench.run(init(['k/root-1.key.pem', 'k/root-1.key.pem']));
    expect(twice.json.error).toMatchObject({ code: 'metadata-key-duplicated' });
    const { json } = await bench.must(init([...pair('root'), 'k/root-3.pub.pem']));
    const { signed, signatures } = JSON.parse(String(json.root));
    expect(signed.roles.root).toMatchObject({
      threshold: 2,
      keyids: [expect.any(String), expect.any(String), expect.any(String)],
    });
    expect(signatures).toHaveLength(2);
    expect(signed.custom).toBeUndefined();
    const again = await bench.run(init([...pair('root'), 'k/root-3.pub.pem']));
    expect(again).toMatchObject({ status: 6, json: { error: { code: 'repository-exists' } } });
    await bench.declare('a');
    await bench.must(['build', 'a/release.yaml', '--out', 'built']);
    const keys = ['--key', 'k/ci.key.pem', '--key', 'k/online.key.pem'];
    await bench.must(['publish', 'built', '--store', bench.storeUrl, '--channel', 'stable', ...keys]);
  });

  it.each<[string, string[], string, number]>([
    ['an unknown command', ['frobnicate'], 'usage', 2],
    ['a missing option', ['build', 'release.yaml'], 'usage', 2],
    ['a channel that is none', ['publish', 'x', '--store', 'file:///x', '--channel', 'Not A Channel'], 'usage', 2],
    ['a store that is no URL', ['verify', 'ftp://x'], 'store-url-invalid', 2],
    ['a store with credentials in it', ['verify', 's3://id:secret@bucket/'], 'store-url-invalid', 2],
    ['a declaration that is not there', ['build', 'none.yaml', '--out', 'x'], 'document-unreadable', 3],
    [
      'a build that is none',
      ['publish', '.', '--store', 'file:///x', '--channel', 'a', '--keys', '.'],
      'build-incomplete',
      3,
    ],
    ['a store that is not there', ['verify', 'file:///nonexistent/slipway'], 'repository-missing', 3],
    ['a bundle that is none', ['verify', 'text'], 'bundle-truncated', 4],
  ])('answers %s with its code, its exit status and one line each of text', async (_what, args, code, status) => {
    const bench = await Workbench.open();
    await bench.write('text', 'text');
    const result = await bench.run([...args, '--json']);
    expect(result).toMatchObject({ status, json: { error: { code } } });
    expect(result.stderr).toMatch(new RegExp(`^error ${code}: `));
    expect(result.stdout + result.stderr).not.toContain('secret');
    expect(result.stderr).not.toContain('    at ');
  });

  it('refuses keys that are none or not there', async () => {
    const bench = await Workbench.open();
    await bench.build('a');
    await bench.write('rsa.pem', '-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n');
    const publish = ['publish', 'a.build', '--store', bench.storeUrl, '--channel', 'stable'];
    for (const keys of [[], ['--keys', 'nowhere'], ['--key', 'nowhere.pem'], ['--key', 'rsa.pem']]) {
      const result = await bench.run([...publish, ...keys]);
      expect(result.status).toBe(3);
      expect(result.stderr).toContain('error key-unreadable: ');
      expect(result.stderr).not.toContain('secret');
    }
  });
});

/**
 * Three publishers at once, which are processes where what keeps them apart is between processes: two platforms of one
 * product, and another product.
 */
async function publishAtOnce(
  bench: Workbench,
  url: string,
  env: NodeJS.ProcessEnv,
  how: 'run' | 'runProgram',
): Promise<void> {
  const products = ['k3s-edge', 'k0s-edge'];
  await bench.must(
    ['init', '--demo', '--store', url, '--keys', 'keys', '--product', ...products, '--root-out', 'root.json'],
    env,
  );
  await bench.build('a', { platform: 'linux/amd64' });
  await bench.build('b', { platform: 'linux/arm64' });
  await bench.build('c', { product: 'k0s-edge' });
  const publishers = ['a', 'b', 'c'].map((name) =>
    bench[how](['publish', `${name}.build`, '--store', url, '--channel', 'stable', '--keys', 'keys', '--json'], env),
  );
  for (const result of await Promise.all(publishers)) expect(result, result.stderr).toMatchObject({ status: 0 });
  const { json } = await bench.must(['inspect', url, '--json'], env);
  const releases = json.releases as { path: string; custom: { channels: string[] } }[];
  expect(releases.map(({ path, custom }) => [path, ...custom.channels]).sort()).toEqual([
    ['k0s-edge/linux-amd64/1.0.0/release.json', 'stable'],
    ['k3s-edge/linux-amd64/1.0.0/release.json', 'stable'],
    ['k3s-edge/linux-arm64/1.0.0/release.json', 'stable'],
  ]);
  const verified = await bench.must(['verify', url, '--root', 'root.json', '--json'], env);
  expect(verified.json).toMatchObject({ ok: true, releases: 3 });
}

describe('publishers at once', () => {
  it('all end up in the metadata of a directory', async () => {
    const bench = await Workbench.open();
    await publishAtOnce(bench, bench.storeUrl, {}, 'runProgram');
  });
});

const s3 = s3Service();

describeUnless('unavailable' in s3 ? s3.unavailable : undefined, 'slipway-packager on S3', () => {
  if ('unavailable' in s3) return;
  const owner = {
    AWS_ACCESS_KEY_ID: s3.owner.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.owner.secretAccessKey,
    AWS_ENDPOINT_URL: s3.endpoint,
  };

  afterEach(() => vi.unstubAllEnvs());

  /** What looks for credentials by itself reads the environment of this process. */
  const inForce = (env: Record<string, string>) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  };

  it('lets all publishers at once end up in the metadata', async () => {
    const bench = await Workbench.open();
    inForce(owner);
    await publishAtOnce(bench, `s3://${await freshBucket(s3)}/edge`, {}, 'run');
  });

  it('says what is wrong with the store by a code', async () => {
    const bench = await Workbench.open();
    const bucket = await freshBucket(s3);
    const init = (url: string) => [
      'init',
      '--demo',
      '--keys',
      'keys',
      '--product',
      'k3s-edge',
      '--json',
      '--store',
      url,
    ];
    const stranger = { AWS_ACCESS_KEY_ID: s3.stranger.accessKeyId, AWS_SECRET_ACCESS_KEY: s3.stranger.secretAccessKey };
    const cases: [string, Record<string, string>, string][] = [
      ['s3://no-such-bucket-here/edge', {}, 'bucket-missing'],
      [`s3://${bucket}/edge`, stranger, 'store-forbidden'],
      [`s3://${bucket}/edge`, { AWS_SECRET_ACCESS_KEY: 'wrong' }, 'store-forbidden'],
      [`s3://${bucket}/edge`, { AWS_ENDPOINT_URL: 'http://127.0.0.1:9' }, 'store-unreachable'],
    ];
    for (const [url, env, code] of cases) {
      inForce({ ...owner, ...env });
      const result = await bench.run(init(url));
      expect(result, result.stderr).toMatchObject({ status: 5, json: { error: { code, hint: expect.any(String) } } });
      expect(result.stderr).not.toContain(String({ ...owner, ...env }.AWS_SECRET_ACCESS_KEY));
    }
  });
});
