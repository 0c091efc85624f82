import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { gitSource } from '../../distributor/adapters/git/source.ts';
import { type Served, serve } from '../fakes/served.ts';
import { smallRelease } from '../fakes/signed-repository.ts';
import { SmallFleet } from '../fakes/small-fleet.ts';
import { missingCommands } from '../services/commands.ts';
import { GitAuthor, GitServer } from '../services/git-server.ts';
import { programFile } from '../services/program-files.ts';
import { describeUnless } from '../services/requirement.ts';

const program = programFile('distributor');
const secret = 'robot:correct horse';

function rolloutText(release: string): string {
  const spec = { product: 'k3s-edge', release, waves: [{ name: 'all', percent: 100 }] };
  return JSON.stringify({ apiVersion: 'slipway/v1', kind: 'Rollout', metadata: { name: 'edge' }, spec });
}

let folder: string;
let server: GitServer;
let author: GitAuthor;
let running: Served | undefined;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'git-fleet-'));
  const authorizations = [`Basic ${Buffer.from(secret).toString('base64')}`];
  server = await GitServer.start(path.join(folder, 'served'), { authorizations });
  await writeFile(path.join(folder, 'credentials'), secret);
  const login = server.url.replace('//', `//${secret.replace(' ', '%20')}@`);
  author = await GitAuthor.open(path.join(folder, 'author'), login);
});
afterEach(async () => {
  running?.process.kill('SIGKILL');
  running = undefined;
  await server.down();
  await rm(folder, { recursive: true, force: true });
});

describeUnless(missingCommands('git'), 'a fleet whose rollouts are in Git', () => {
  it('is moved by a push over HTTP, not by a broken one, and by its revert and the next', async () => {
    await author.push('Release 2', { 'rollouts/edge.yaml': rolloutText('2.0.0') });
    const place = { url: server.url, branch: 'main', path: 'rollouts', pollSeconds: 3600, caFile: undefined };
    const git = { ...place, credentialsFile: path.join(folder, 'credentials'), mirrors: path.join(folder, 'mirrors') };
    await using small = await SmallFleet.open({ source: gitSource(git, process.env) });
    const token = await small.enrol('gate-1');
    await small.publish(smallRelease('2.0.0', 2));
    await small.publish(smallRelease('3.0.0', 3));
    const offered = async () => {
      await small.reconciler.reconcile();
      await small.pass(1);
      return (await small.check('gate-1', token)).offer?.version;
    };
    expect(await offered()).toBe('2.0.0');
    await author.push('Release 3, with a slip', {
      'rollouts/edge.yaml': rolloutText('3.0.0').replace('percent', 'percnt'),
    });
    expect(await offered()).toBe('2.0.0');
    const operator = await small.token('operator', 'rollouts:read');
    const shown = async () => (await small.ask('GET', '/v1/plan', operator)).json();
    expect(await shown()).toMatchObject({
      applied: { subject: 'Release 2' },
      refused: { code: 'document-invalid', subject: 'Release 3, with a slip', author: 'Ada Example <ada@example.com>' },
    });
    await author.git('revert', '--no-edit', 'HEAD');
    await author.pushHead();
    expect(await offered()).toBe('2.0.0');
    expect(await shown()).not.toHaveProperty('refused');
    await author.push('Release 3', { 'rollouts/edge.yaml': rolloutText('3.0.0') });
    expect(await offered()).toBe('3.0.0');
    const told = (await small.fleet.listEvents(0, 100)).filter(({ kind }) => kind.startsWith('plan-'));
    expect(told.map(({ kind, actor }) => [kind, actor])).toEqual(
      ['plan-applied', 'plan-refused', 'plan-applied', 'plan-applied'].map((kind) => [
        kind,
        'Ada Example <ada@example.com>',
      ]),
    );
  }, 90_000);

  it('keeps its plan when the server starts while Git is down, and follows again when it is back', async () => {
    const start = async () => {
      const git = ['--rollouts-git', server.url, '--git-path', 'rollouts', '--git-poll', '1s'];
      running = await serve(folder, 0, ...git, '--git-credentials', path.join(folder, 'credentials'));
      return running;
    };
    let token = '';
    const plan = async ({ url }: Served) => {
      const answer = await fetch(`${url}/v1/plan`, { headers: { authorization: `Bearer ${token}` } });
      return (await answer.json()) as { applied?: { subject: string }; refused?: { code: string } };
    };
    const soon = { timeout: 30_000, interval: 200 };
    await author.push('One', { 'rollouts/edge.yaml': rolloutText('2.0.0') });
    const first = await start();
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...[program, 'token', 'create', '--purpose', 'operator', '--scope', 'rollouts:read'],
      ...['--state', path.join(folder, 'state')],
    ]);
    token = stdout.trim();
    expect(await plan(first)).toMatchObject({ applied: { subject: 'One' } });
    await author.push('Two', { 'rollouts/edge.yaml': rolloutText('3.0.0') });
    await expect.poll(() => plan(first), soon).toMatchObject({ applied: { subject: 'Two' } });
    await server.down();
    await first.end('SIGKILL');
    const again = await start();
    await expect
      .poll(() => plan(again), soon)
      .toMatchObject({ applied: { subject: 'Two' }, refused: { code: 'git-unreachable' } });
    const ready = await (await fetch(`${again.url}/readyz`)).json();
    expect(ready).toMatchObject({ database: 'ok', plan: 'stale', planCode: 'git-unreachable' });
    await server.up();
    await author.push('Three', { 'rollouts/edge.yaml': rolloutText('2.0.0') });
    await expect.poll(() => plan(again), soon).toMatchObject({ applied: { subject: 'Three' } });
    expect(await plan(again)).not.toHaveProperty('refused');
    expect(await again.end('SIGTERM')).toBe(0);
  }, 120_000);
});
