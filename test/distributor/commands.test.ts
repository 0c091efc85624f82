import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFleetState } from '../../distributor/adapters/database/fleet-state-of-place.ts';
import { callDistributor } from '../fakes/distributor-command.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'commands-'));
  // As a server leaves it that has stopped.
  await (await openFleetState(path.join(folder, 'state'), { isServer: true })).close();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** One call of the command line: exit status, and what it printed. */
const call = (...words: string[]) => callDistributor(words);

async function command(...words: string[]) {
  const { status, stdout } = await call(...words, '--json');
  return { status, printed: JSON.parse(stdout) };
}

describe('the command line', () => {
  const base = () => ['serve', '--store', `file://${folder}/store`, '--rollouts', folder, '--state', `${folder}/state`];

  it.each([
    ['no verb', [], 2, 'usage'],
    ['an unknown verb', ['dance'], 2, 'usage'],
    [
      'a store that is no URL',
      ['serve', '--store', 'x', '--rollouts', '.', '--state', 'STATE'],
      2,
      'store-url-invalid',
    ],
    ['half of a certificate', ['BASE', '--tls-cert', 'x'], 2, 'usage'],
    ['a certificate that is not there', ['BASE', '--tls-cert', '/no/crt', '--tls-key', '/no/key'], 3, 'key-unreadable'],
    ['an address that is none', ['BASE', '--listen', 'here'], 2, 'usage'],
    ['a private product that no product can be', ['BASE', '--private-product', 'No Product'], 2, 'usage'],
    ['a cache without TLS', ['BASE', '--blobs-from', 'http://cache.example.org'], 2, 'usage'],
    ['two places for blobs', ['BASE', '--blobs-from', 'https://cache.example.org', '--redirect-blobs'], 2, 'usage'],
    ['people that are not there', ['BASE', '--people', '/nowhere.yaml'], 3, 'document-unreadable'],
    [
      'a bound that is no name',
      ['token', 'create', '--purpose', 'ci', '--scope', 'devices:read', '--group', 'No Group'],
      2,
      'usage',
    ],
    ['a memory shorter than a day', ['BASE', '--keep-attempts', '1h'], 2, 'usage'],
    ['no reports to keep', ['BASE', '--keep-reports', '0'], 2, 'usage'],
    ['a state folder that cannot be made', ['BASE', '--state', '/dev/null/state'], 5, 'database-unavailable'],
    ['a state that no server made', ['device', 'ls', '--state', '/dev/null/state'], 3, 'state-missing'],
    [
      'a purpose that tokens do not have',
      ['token', 'create', '--purpose', 'root', '--scope', 'devices:read'],
      2,
      'usage',
    ],
    ['a token that is not there', ['token', 'revoke', 'abc', '--state', 'STATE'], 3, 'token-unknown'],
    ['a device that is not there', ['device', 'forget', 'abc', '--state', 'STATE'], 5, 'device-unknown'],
    ['a rollout that is not there', ['rollout', 'show', 'abc', '--state', 'STATE'], 3, 'rollout-unknown'],
    ['rollouts that are not there', ['validate', '/nowhere'], 3, 'document-unreadable'],
    ['a name of two lines', ['enrolment-token', 'create', '--name', 'a\nb', '--state', 'STATE'], 2, 'usage'],
    ['an expiry that is none', ['enrolment-token', 'create', '--expires', 'soon', '--state', 'STATE'], 2, 'usage'],
  ])('ends with its status for %s', async (_name, given, status, code) => {
    const filled = given.flatMap((text) => (text === 'BASE' ? base() : [text.replace('STATE', `${folder}/state`)]));
    const result = await command(...filled);
    expect([result.status, result.printed?.error.code]).toEqual([status, code]);
  });

  it('validates rollouts and names the place of a mistake', async () => {
    const example = path.join(import.meta.dirname, '../../infra/rollouts/example');
    expect(await command('validate', example)).toMatchObject({
      status: 0,
      printed: { valid: true, groups: ['field', 'lab'], rollouts: ['k3s-1-33-9'] },
    });
    expect((await call('validate', example)).stdout).toBe('1 Fleet, 2 Groups, 1 Rollout: valid.\n');
    const file = path.join(folder, 'bad.yaml');
    await writeFile(file, 'apiVersion: slipway/v1\nkind: Rollout\nmetadata: {name: r}\nspec:\n  producct: x\n');
    const { status, printed } = await command('validate', file);
    expect([status, printed.error.code]).toEqual([3, 'document-invalid']);
    expect(printed.error.problems).toContainEqual(
      expect.objectContaining({ file, line: 5, column: 3, path: 'spec.producct', fix: expect.stringMatching(/\.$/) }),
    );
    const shown = await call('validate', file);
    expect(shown.stdout.split('\n')).toContainEqual(
      expect.stringMatching(/bad\.yaml:5:3: spec\.producct: .+ \(.+\.\)$/),
    );
    expect([shown.status, shown.stderr]).toEqual([3, expect.stringContaining('document-invalid')]);
  });

  it('holds a plan against a fleet, and names the selector that means nobody with the nearest value', async () => {
    const device = (id: string, labels: object, status = 'accepted') => ({
      ...{ id, product: 'shop', platform: 'linux/amd64', labels, status },
    });
    const fleet = path.join(folder, 'fleet.json');
    const devices = [device('a', { site: 'labb' }), device('b', {}), device('c', { site: 'labb-typo' }, 'revoked')];
    await writeFile(fleet, JSON.stringify({ devices }));
    const place = path.join(folder, 'held');
    await mkdir(place);
    const write = (site: string, more = '', rules = '') =>
      writeFile(
        path.join(place, 'plan.yaml'),
        `{apiVersion: slipway/v1, kind: Fleet, metadata: {name: f}, spec: {labels: [${rules}]}}
---
{apiVersion: slipway/v1, kind: Group, metadata: {name: canary}, spec: {selector: {matchLabels: {site: ${site}}}}}
---
apiVersion: slipway/v1
kind: Rollout
metadata: {name: r}
spec: {product: shop, release: 1.0.0, group: canary, waves: [{name: all, percent: 100}]${more}}
`,
      );
    const validate = (...words: string[]) => call('validate', place, '--fleet', fleet, ...words);
    const said =
      /plan\.yaml:3:103: spec\.selector\.matchLabels\.site: group canary: site=labb-typo matches no device; nearest is site=labb \(1 device\)/;

    await write('labb');
    expect(await validate()).toMatchObject({ status: 0, stdout: '1 Fleet, 1 Group, 1 Rollout: valid.\n' });
    await write('labb-typo');
    expect((await call('validate', place)).status).toBe(0);
    expect(await validate()).toMatchObject({ status: 3, stdout: expect.stringMatching(said) });
    const { error } = JSON.parse((await validate('--json')).stdout);
    expect([error.code, error.problems]).toMatchObject([
      'document-invalid',
      [{ line: 3, path: 'spec.selector.matchLabels.site' }],
    ]);
    const simulated = await call('simulate', place, '--fleet', fleet, '--for', '1d');
    expect(simulated.stderr).toMatch(said);

    await write('labb-typo', ', allowEmpty: true');
    expect(await validate()).toMatchObject({ status: 0, stderr: expect.stringMatching(said) });
    expect(JSON.parse((await validate('--json')).stdout)).toMatchObject({ valid: true, warnings: [{ line: 3 }] });
    // A rule of the plan itself gives a device the label.
    await write('labb-typo', '', '{when: {ids: [b]}, set: {site: labb-typo}}');
    expect(await validate()).toMatchObject({ status: 0, stderr: '' });
    expect((await call('validate', place, '--fleet', '/nowhere')).status).toBe(3);
  });

  it.each([
    ['none', []],
    ['two', ['--rollouts', '.', '--rollouts-api']],
    ['a branch without a repository', ['--rollouts', '.', '--git-branch', 'main']],
    ['a repository by ssh', ['--rollouts-git', 'ssh://git@example.com/fleet.git']],
    ['credentials in the URL', ['--rollouts-git', 'https://robot:secret@git.example.com/fleet.git']],
    [
      'a branch that is an option',
      ['--rollouts-git', 'https://git.example.com/fleet.git', '--git-branch', '--upload-pack=x'],
    ],
    ['a path that leads out', ['--rollouts-git', 'https://git.example.com/fleet.git', '--git-path', '../x']],
  ])('serves from one source of rollouts alone, not %s', async (_name, given) => {
    const place = ['--store', `file://${folder}/store`, '--state', `${folder}/state`];
    const { status, printed } = await command('serve', ...place, ...given);
    expect([status, printed.error.code]).toEqual([2, 'usage']);
    expect(JSON.stringify(printed)).not.toContain('secret');
  });

  it('refuses to send credentials of Git, or a token, in the clear', async () => {
    const place = ['--store', `file://${folder}/store`, '--state', `${folder}/state`];
    const git = ['--rollouts-git', 'http://git.example.com/fleet.git', '--git-credentials', 'x'];
    expect((await command('serve', ...place, ...git)).printed.error.code).toBe('transport-insecure');
    const server = ['--server', 'http://updates.example.com', '--token-file', 'x'];
    const example = path.join(import.meta.dirname, '../../infra/rollouts/example');
    expect((await command('apply', example, ...server)).printed.error.code).toBe('transport-insecure');
  });

  it('prints the schema of one kind, and writes all of them', async () => {
    const { printed } = await command('schema', 'Group');
    expect(printed.properties.spec.properties.selector.properties).toHaveProperty('matchExpressions');
    expect((await command('schema', 'Secret')).status).toBe(2);
    const { files } = (await command('schema', '--out', path.join(folder, 'schemas'))).printed;
    expect(files).toContain('declaration.schema.json');
    expect(JSON.parse(await readFile(path.join(folder, 'schemas', 'group.schema.json'), 'utf8'))).toEqual(printed);
  });

  it('lists tokens with their state and never their text', async () => {
    const state = ['--state', `${folder}/state`];
    const { printed } = await command(
      'token',
      'create',
      '--purpose',
      'ci',
      '--scope',
      'devices:read',
      '--expires',
      '1h',
      ...state,
    );
    await command('token', 'revoke', printed.id, ...state);
    const list = await command('token', 'ls', ...state);
    expect(list.printed.tokens).toMatchObject([
      { id: printed.id, purpose: 'ci', status: 'revoked', scopes: ['devices:read'] },
    ]);
    expect(JSON.stringify(list.printed)).not.toContain(printed.token);
  });

  it.each([
    '',
    'serve',
    'token create',
    'token ls',
    'token revoke',
    'whoami',
    'enrolment-token create',
    'device ls',
    'device revoke',
    'device forget',
    'rollout ls',
    'rollout show',
    'rollout pause',
    'rollout resume',
    'rollout abort',
    'rollout promote',
    'rollout retry',
    'device show',
    'why',
    'events',
    'validate',
    'apply',
    'schema',
  ])('shows an example for "%s"', async (verb) => {
    const { status, stdout } = await call(...verb.split(' ').filter(Boolean), '--help');
    expect(status).toBe(0);
    expect(stdout).toMatch(/Examples:\n {2}\$ slipway-distributor/);
  });

  it('prints the answer alone on stdout and words for people on stderr', async () => {
    const { stdout, stderr } = await call('enrolment-token', 'create', '--state', `${folder}/state`);
    expect(stdout).toMatch(/^slp_enrol_[A-Za-z0-9_-]{43}\n$/);
    expect(stderr).toContain('shown once');
    const refused = await call('validate', '/nowhere');
    expect([refused.stdout, refused.stderr]).toEqual(['', expect.stringContaining('document-unreadable')]);
  });
});
