import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { callDistributor } from '../../fakes/distributor-command.ts';
import { smallRelease } from '../../fakes/signed-repository.ts';
import { SmallFleet } from '../../fakes/small-fleet.ts';

const waves = [{ name: 'all', percent: 100 }];
const document = (name: string, spec: object = {}) => ({
  ...{ apiVersion: 'slipway/v1', kind: 'Rollout', metadata: { name } },
  spec: { product: 'k3s-edge', release: '2.0.0', waves, ...spec },
});
const yaml = (...documents: object[]) => documents.map((each) => JSON.stringify(each)).join('\n---\n');
const filesOf = (...documents: object[]) => [{ name: 'plan.yaml', text: yaml(...documents) }];

async function fleetByApi() {
  const small = await SmallFleet.open({ source: 'api' });
  await small.publish(smallRelease('2.0.0', 2));
  const token = await small.token('ci', 'rollouts:apply', 'rollouts:read');
  const put = (body: object, query = '') => small.ask('PUT', `/v1/plan${query}`, token, body);
  const get = async (url: string) => (await small.ask('GET', url, token)).json();
  return { small, token, put, get };
}

describe('a plan that is applied by API', () => {
  it('is in force by the next check, with its author and what it changed', async () => {
    const { small, put, get } = await fleetByApi();
    await using _ = small;
    const device = await small.enrol('gate-1');
    expect(await small.check('gate-1', device)).toMatchObject({ reason: 'no-rollout' });
    const answer = await put({ files: filesOf(document('to-2')), subject: 'Release 2' });
    expect([answer.statusCode, answer.json()]).toMatchObject([
      200,
      { dryRun: false, subject: 'Release 2', changes: '+ Rollout to-2', diff: [{ action: 'added', name: 'to-2' }] },
    ]);
    await small.pass(0);
    expect(await small.check('gate-1', device)).toMatchObject({ decision: 'update' });

    await put({ files: filesOf(document('to-2', { paused: true })) });
    expect(await small.check('gate-1', device)).toMatchObject({ reason: 'rollout-paused' });
    const shown = await get('/v1/plan');
    expect(shown).toMatchObject({
      source: 'api',
      applied: { changes: expect.stringContaining('paused: false -> true') },
    });
    expect(shown.applied.author).toMatch(/^token /);
    expect(shown.plan.rollouts).toMatchObject([{ name: 'to-2', paused: true }]);
    const { applied } = await get('/v1/plan/history?limit=5');
    expect(applied.map(({ subject }: { subject: string }) => subject)).toEqual(['', 'Release 2']);
    const kinds = (await small.fleet.listEvents(0, 100)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'plan-applied')).toHaveLength(2);
  });

  it('may be YAML of several documents', async () => {
    const { small, token, get } = await fleetByApi();
    await using _ = small;
    for (const type of ['application/yaml', 'text/yaml; charset=utf-8']) {
      const answer = await small.app.inject({
        method: 'PUT',
        url: '/v1/plan',
        headers: { authorization: `Bearer ${token}`, 'content-type': type },
        payload: yaml(document('a'), document(type.startsWith('text') ? 'c' : 'b')),
      });
      expect([answer.statusCode, answer.json().diff.length]).toEqual([200, 2]);
    }
    expect((await get('/v1/plan')).plan.rollouts.map(({ name }: { name: string }) => name)).toEqual(['a', 'c']);
  });

  it('changes nothing in a dry run', async () => {
    const { small, put, get } = await fleetByApi();
    await using _ = small;
    const answer = await put({ files: filesOf(document('to-2')) }, '?dryRun=true');
    expect(answer.json()).toMatchObject({ dryRun: true, changes: '+ Rollout to-2' });
    expect((await put({ files: filesOf({ kind: 'Nonsense' }) }, '?dryRun=true')).statusCode).toBe(400);
    expect(await get('/v1/plan')).toMatchObject({ source: 'api', plan: { rollouts: [] } });
    expect((await get('/v1/plan/history')).applied).toEqual([]);
  });

  it('is refused as a whole with every problem and its place', async () => {
    const { small, put, get } = await fleetByApi();
    await using _ = small;
    await put({ files: filesOf(document('to-2')) });
    const answer = await put({ files: filesOf(document('good'), document('bad', { percent: 5 })) });
    expect([answer.statusCode, answer.json()]).toMatchObject([
      400,
      {
        code: 'document-invalid',
        problems: [{ file: 'plan.yaml', line: 3, path: 'spec.percent', fix: expect.any(String) }],
      },
    ]);
    expect((await get('/v1/plan')).plan.rollouts).toMatchObject([{ name: 'to-2' }]);
  });

  it('needs the scope for it, and other bodies stay as small as they were', async () => {
    const { small, put } = await fleetByApi();
    await using _ = small;
    const reader = await small.token('operator', 'rollouts:read', 'rollouts:control');
    const body = { files: filesOf(document('to-2')) };
    expect((await small.ask('PUT', '/v1/plan', reader, body)).json().code).toBe('forbidden');
    expect((await small.ask('PUT', '/v1/plan', undefined, body)).json().code).toBe('unauthenticated');
    const large = [{ name: 'large.yaml', text: `# ${'x'.repeat(900_000)}\n${yaml(document('to-2'))}` }];
    expect((await put({ files: large })).statusCode).toBe(200);
    expect((await small.ask('POST', '/v1/enrol', reader, { large })).statusCode).toBe(413);
    const yamlElsewhere = { authorization: `Bearer ${reader}`, 'content-type': 'text/yaml' };
    const answer = await small.app.inject({
      method: 'POST',
      url: '/v1/enrol',
      headers: yamlElsewhere,
      payload: 'a: 1',
    });
    expect(answer.statusCode).toBe(415);
  });

  it('is refused where rollouts come from elsewhere, and names the place', async () => {
    await using small = await SmallFleet.open();
    const token = await small.token('ci', 'rollouts:apply');
    const answer = await small.ask('PUT', '/v1/plan', token, { files: filesOf(document('to-2')) });
    expect([answer.statusCode, answer.json()]).toMatchObject([
      409,
      {
        code: 'plan-managed-elsewhere',
        message: expect.stringContaining('rollouts'),
        hint: expect.stringContaining('--rollouts-api'),
      },
    ]);
  });
});

/** One call of the command line: exit status, and what it printed. */
const call = (...words: string[]) => callDistributor(words);

describe('slipway-distributor apply', () => {
  it('sends a folder, prints what it changes, and repeats the problems of the server', async () => {
    const { small, token, get } = await fleetByApi();
    await using _ = small;
    const folder = await mkdtemp(path.join(tmpdir(), 'apply-'));
    await writeFile(path.join(folder, 'a.yaml'), yaml(document('to-2')));
    const tokenFile = path.join(folder, '.token');
    await writeFile(tokenFile, `${token}\n`, { mode: 0o600 });
    const server = await small.app.listen({ host: '127.0.0.1', port: 0 });
    const apply = (...more: string[]) => call('apply', folder, '--server', server, '--token-file', tokenFile, ...more);
    expect(await apply('--dry-run')).toMatchObject({
      status: 0,
      stdout: '+ Rollout to-2\n',
      stderr: 'This would change:\n',
    });
    expect(await apply('--subject', 'By CI')).toMatchObject({ status: 0, stdout: '+ Rollout to-2\n' });
    expect(await get('/v1/plan')).toMatchObject({ applied: { subject: 'By CI' } });
    await writeFile(path.join(folder, 'a.yaml'), 'kind: Rollout');
    await chmod(tokenFile, 0o644);
    vi.stubEnv('SLIPWAY_SERVER', server);
    vi.stubEnv('SLIPWAY_TOKEN_FILE', tokenFile);
    const refused = await call('apply', folder);
    vi.unstubAllEnvs();
    expect(refused.stderr).toContain(`Other accounts may read the token in ${tokenFile} (mode 0644); make it 0600.`);
    expect((await call('apply', folder)).stderr).toContain('--server');
    expect([refused.status, refused.stdout]).toEqual([3, expect.stringContaining('a.yaml:1:1: apiVersion:')]);
    await writeFile(tokenFile, 'slp_wrong');
    expect(await apply('--json')).toMatchObject({ status: 5, stdout: expect.stringContaining('unauthenticated') });
    await small.app.close();
    expect(await apply('--json')).toMatchObject({ status: 5, stdout: expect.stringContaining('server-unreachable') });
    await rm(folder, { recursive: true });
  });
});
