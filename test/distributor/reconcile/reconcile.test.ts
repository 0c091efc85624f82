import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gitSource } from '../../../distributor/adapters/git/source.ts';
import { describeDiff } from '../../../distributor/reconcile/diff.ts';
import { type ReconcileEvent, Reconciler } from '../../../distributor/reconcile/reconcile.ts';
import { KeptPlans } from '../../fakes/kept-plans.ts';
import { planReadHere } from '../../fakes/plan-read-here.ts';
import { missingCommands } from '../../services/commands.ts';
import { GitAuthor, GitServer } from '../../services/git-server.ts';
import { describeUnless } from '../../services/requirement.ts';

function rolloutText(name: string, release = '1.0.0'): string {
  const spec = { product: 'edge', release, waves: [{ name: 'all', percent: 100 }] };
  return JSON.stringify({ apiVersion: 'slipway/v1', kind: 'Rollout', metadata: { name }, spec }, null, 2);
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'reconcile-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describeUnless(missingCommands('git'), 'a plan from Git', () => {
  let server: GitServer;
  let author: GitAuthor;
  let store: KeptPlans;
  let events: ReconcileEvent[];
  let now: number;
  beforeEach(async () => {
    server = await GitServer.start(path.join(folder, 'served'));
    author = await GitAuthor.open(path.join(folder, 'author'), server.url);
    store = new KeptPlans();
    events = [];
    now = 1_000_000;
  });
  afterEach(() => server.down());

  const reconciler = (given: { allowRewrite?: boolean; path?: string; store?: KeptPlans } = {}) => {
    const place = { url: server.url, branch: 'main', path: given.path ?? '', pollSeconds: 3600 };
    return new Reconciler({
      source: gitSource(
        { ...place, credentialsFile: undefined, caFile: undefined, mirrors: path.join(folder, 'state') },
        process.env,
      ),
      store: given.store ?? store,
      readPlan: planReadHere,
      clock: () => now++,
      allowRewrite: given.allowRewrite ?? false,
      observe: (event) => events.push(event),
    });
  };
  const releases = ({ plan }: Reconciler) =>
    plan.rollouts.map(({ target }) => ('release' in target ? target.release : ''));
  const told = () => events.map((event) => (event.kind === 'refused' ? event.problem.code : event.kind));

  it('moves with a push, not with a broken one, and heals with a good one or a revert', async () => {
    const first = await author.push('Start', { 'r.yaml': rolloutText('r') });
    const reconciled = reconciler();
    await reconciled.start();
    expect(reconciled.applied).toMatchObject({
      revision: first,
      author: 'Ada Example <ada@example.com>',
      subject: 'Start',
    });

    await author.push('Go on', { 'r.yaml': rolloutText('r', '1.1.0') });
    await reconciled.reconcile();
    expect(releases(reconciled)).toEqual(['1.1.0']);

    const text = rolloutText('r', '1.2.0').replace('"percent"', '"percnt"');
    const broken = await author.push('Oops', { 'r.yaml': text, 'other.yaml': rolloutText('other') });
    await reconciled.reconcile();
    await reconciled.reconcile();
    expect(releases(reconciled)).toEqual(['1.1.0']);
    expect(reconciled.problem).toMatchObject({
      code: 'document-invalid',
      problems: expect.arrayContaining([
        expect.objectContaining({
          file: 'r.yaml',
          line: 13,
          column: 9,
          path: 'spec.waves.0.percnt',
          fix: expect.any(String),
        }),
      ]),
    });
    expect(reconciled.refusal?.snapshot).toMatchObject({ revision: broken, subject: 'Oops' });
    expect(store.refused).toMatchObject([{ revision: broken, author: 'Ada Example <ada@example.com>' }]);

    await author.git('revert', '--no-edit', 'HEAD');
    await author.pushHead();
    await reconciled.reconcile();
    expect(reconciled.problem).toBeUndefined();
    expect(reconciled.applied).toMatchObject({ subject: 'Revert "Oops"', diff: [] });
    expect(releases(reconciled)).toEqual(['1.1.0']);

    await author.push('Better', { 'r.yaml': rolloutText('r', '1.2.0') });
    await reconciled.reconcile();
    expect(releases(reconciled)).toEqual(['1.2.0']);
    expect(told()).toEqual(['applied', 'applied', 'document-invalid', 'applied', 'healed', 'applied']);
    const history = await store.listAppliedPlans(10);
    expect(history.map(({ subject }) => subject)).toEqual(['Better', 'Revert "Oops"', 'Go on', 'Start']);
    expect(history.map(({ diff }) => describeDiff(diff))).toEqual([
      '~ Rollout r\n    target.release: "1.1.0" -> "1.2.0"',
      'Nothing changes.',
      '~ Rollout r\n    target.release: "1.0.0" -> "1.1.0"',
      '+ Rollout r',
    ]);
    reconciled.stop();
  }, 90_000);

  it('stays in force while Git is down, also across a restart, and goes on when it is back', async () => {
    await author.push('Start', { 'r.yaml': rolloutText('r') });
    const before = reconciler();
    await before.start();
    before.stop();
    await server.down();
    const after = reconciler();
    await after.start();
    expect(releases(after)).toEqual(['1.0.0']);
    await after.reconcile();
    expect(after.problem).toMatchObject({ code: 'git-unreachable', retryable: true });
    expect(store.refused).toEqual([]);
    await server.up();
    await author.push('Go on', { 'r.yaml': rolloutText('r', '1.1.0') });
    await after.reconcile();
    expect(after.problem).toBeUndefined();
    expect(releases(after)).toEqual(['1.1.0']);
    after.stop();
  }, 60_000);

  it('refuses a rewritten history until it is allowed, also after a restart without the mirror', async () => {
    const first = await author.push('Start', { 'r.yaml': rolloutText('r') });
    await author.push('Go on', { 'r.yaml': rolloutText('r', '1.1.0') });
    const reconciled = reconciler();
    await reconciled.start();
    await author.git('reset', '--quiet', '--hard', first);
    await author.git('commit', '--quiet', '--amend', '--message', 'Forged');
    await author.pushHead('main', '--force');
    await reconciled.reconcile();
    await reconciled.reconcile();
    expect(reconciled.problem).toMatchObject({
      code: 'git-history-rewritten',
      hint: expect.stringContaining('--git-allow-rewrite'),
    });
    expect(store.refused).toHaveLength(1);
    await rm(path.join(folder, 'state'), { recursive: true });
    const again = reconciler();
    await again.start();
    await again.reconcile();
    expect([again.problem?.code, releases(again)]).toEqual(['git-history-rewritten', ['1.1.0']]);
    const allowing = reconciler({ allowRewrite: true });
    await allowing.start();
    await allowing.reconcile();
    expect([allowing.problem, releases(allowing)]).toEqual([undefined, ['1.0.0']]);
  }, 60_000);

  it('keeps what is in force when its path goes, and says so', async () => {
    await author.push('Start', { 'rollouts/r.yaml': rolloutText('r') });
    const reconciled = reconciler({ path: 'rollouts' });
    await reconciled.start();
    await author.push('Gone', { rollouts: undefined });
    await reconciled.reconcile();
    expect([reconciled.problem?.code, releases(reconciled)]).toEqual(['git-path-missing', ['1.0.0']]);
    expect(store.refused).toMatchObject([{ subject: 'Gone' }]);
  }, 60_000);

  it('is that of the leader on every replica', async () => {
    await author.push('Start', { 'r.yaml': rolloutText('r') });
    const other = new KeptPlans(store);
    other.leads = false;
    const [leader, follower] = [reconciler(), reconciler({ store: other })];
    await leader.start();
    await follower.start();
    let heard = 0;
    follower.onChange(() => heard++);
    expect(releases(follower)).toEqual(['1.0.0']);
    await author.push('Go on', { 'r.yaml': rolloutText('r', '1.1.0') });
    await follower.reconcile();
    expect([releases(follower), heard]).toEqual([['1.0.0'], 0]);
    await leader.reconcile();
    await follower.reconcile();
    await follower.reconcile();
    expect([releases(follower), heard]).toEqual([['1.1.0'], 1]);
    expect(await store.listAppliedPlans(9)).toHaveLength(2);
  }, 60_000);
});

describe('a revision that was refused', () => {
  it('is not read again before there is another, and its problem stays', async () => {
    const store = new KeptPlans();
    const events: ReconcileEvent[] = [];
    let revision = 'a'.repeat(40);
    let text = 'kind: Rollout';
    let reads = 0;
    const reconciler = new Reconciler({
      source: {
        ...{ location: 'here', isRemote: true, watch: () => () => undefined },
        read: async () => ({
          ...{ revision, author: 'Ada', subject: 'Oops', committedAt: 1, ancestry: 'builds-on' as const },
          files: async () => [{ name: 'r.yaml', text }],
        }),
      },
      readPlan: (files) => {
        reads++;
        return planReadHere(files);
      },
      ...{ store, clock: () => 5, allowRewrite: false, observe: (event) => events.push(event) },
    });
    for (let poll = 0; poll < 3; poll++) await reconciler.reconcile();
    expect(reads).toBe(1);
    expect(reconciler.refusal).toMatchObject({ problem: { code: 'document-invalid' }, snapshot: { subject: 'Oops' } });
    expect(events.map(({ kind }) => kind)).toEqual(['refused']);
    [revision, text] = ['b'.repeat(40), rolloutText('r')];
    await reconciler.reconcile();
    expect([reads, reconciler.problem]).toEqual([2, undefined]);
    // Somebody goes back to the broken one: it is still known.
    [revision, text] = ['a'.repeat(40), 'kind: Rollout'];
    await reconciler.reconcile();
    expect([reads, reconciler.problem?.code]).toEqual([2, 'document-invalid']);
  });
});

describe('a plan that takes long to read', () => {
  it('does not replace one that another replica brought into force meanwhile', async () => {
    const store = new KeptPlans();
    const texts = [{ name: 'r.yaml', text: rolloutText('r') }];
    const other = new Reconciler({
      ...{
        source: undefined,
        store: new KeptPlans(store),
        readPlan: planReadHere,
        clock: () => 7,
        allowRewrite: false,
        observe: () => undefined,
      },
    });
    const slow = new Reconciler({
      source: {
        ...{ location: 'slow', isRemote: true, watch: () => () => undefined },
        read: async () => ({
          ...{ revision: 'a'.repeat(40), author: 'Ada', subject: '', committedAt: 1, ancestry: 'builds-on' as const },
          files: async () => {
            await other.apply({ files: texts, author: 'Bob', subject: 'newer' }, { dryRun: false });
            return [{ name: 'old.yaml', text: rolloutText('old') }];
          },
        }),
      },
      ...{ store, readPlan: planReadHere, clock: () => 5, allowRewrite: false, observe: () => undefined },
    });
    await slow.reconcile();
    expect((await store.listAppliedPlans(9)).map(({ subject }) => subject)).toEqual(['newer']);
    expect([slow.plan.rollouts.map(({ name }) => name), slow.problem]).toEqual([['r'], undefined]);
  });
});

describe('a plan that is sent', () => {
  const open = (store = new KeptPlans()) =>
    new Reconciler({
      ...{ source: undefined, store, readPlan: planReadHere, clock: () => 5, allowRewrite: false },
      observe: () => undefined,
    });
  const sent = (text: string) => ({ files: [{ name: 'body', text }], author: 'token t', subject: 'by hand' });

  it('is in force at once, is there after a restart, and is not applied twice', async () => {
    const store = new KeptPlans();
    const reconciler = open(store);
    await reconciler.start();
    const applied = await reconciler.apply(sent(rolloutText('r')), { dryRun: false });
    expect(applied).toMatchObject({ author: 'token t', diff: [{ action: 'added', name: 'r' }] });
    expect(await reconciler.apply(sent(rolloutText('r')), { dryRun: false })).toMatchObject({ diff: [] });
    expect(await store.listAppliedPlans(9)).toHaveLength(1);
    const again = open(store);
    await again.start();
    expect(again.plan.rollouts).toMatchObject([{ name: 'r' }]);
  });

  it('changes nothing in a dry run, nor when it is broken', async () => {
    const reconciler = open();
    await reconciler.start();
    expect(await reconciler.apply(sent(rolloutText('r')), { dryRun: true })).toMatchObject({ diff: [{ name: 'r' }] });
    await expect(reconciler.apply(sent('kind: Rollout'), { dryRun: false })).rejects.toMatchObject({
      code: 'document-invalid',
    });
    expect([reconciler.plan.rollouts, reconciler.problem]).toEqual([[], undefined]);
  });
});
