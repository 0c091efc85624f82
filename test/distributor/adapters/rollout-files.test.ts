import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { rolloutFiles } from '../../../distributor/adapters/rollout-files.ts';
import { smallRelease } from '../../fakes/signed-repository.ts';
import { SmallFleet } from '../../fakes/small-fleet.ts';

const waves = [{ name: 'all', percent: 100 }];

describe('declared rollouts', () => {
  it('are in force as soon as their file is there, and no more once it is gone', async () => {
    await using small = await SmallFleet.open();
    await small.publish(smallRelease('2.0.0', 2));
    const token = await small.enrol('gate-1');
    expect(await small.check('gate-1', token)).toMatchObject({ reason: 'no-rollout' });
    await small.declare('to-2', { release: '2.0.0', waves });
    expect(await small.check('gate-1', token)).toMatchObject({ decision: 'update' });
    await rm(path.join(small.folder, 'rollouts', 'to-2.yaml'));
    await small.campaigns.reload(small.now);
    expect(await small.check('gate-1', token)).toMatchObject({ reason: 'no-rollout' });
  });

  it('stay as they were while one file is broken, and say so until it is not', async () => {
    await using small = await SmallFleet.open();
    await small.publish(smallRelease('2.0.0', 2));
    const token = await small.enrol('gate-1');
    const operator = await small.token('operator', 'rollouts:read');
    await small.declare('to-2', { release: '2.0.0', waves });
    // The good change beside the broken file must not take effect either.
    await writeFile(path.join(small.folder, 'rollouts', 'broken.yaml'), 'kind: Rollout\n  oops');
    await small.declare('to-2', { release: '2.0.0', waves, paused: true });

    expect(await small.check('gate-1', token)).toMatchObject({ decision: 'update' });
    const list = (await small.ask('GET', '/v1/rollouts', operator)).json();
    expect(list.refused).toMatchObject({ code: 'document-invalid', message: expect.stringContaining('broken.yaml:') });
    expect(list.rollouts).toMatchObject([{ name: 'to-2', status: 'active' }]);
    expect(small.events.filter((event) => event.kind === 'refused')).toHaveLength(1);
    await small.campaigns.reload(small.now);
    expect(small.events.filter((event) => event.kind === 'refused')).toHaveLength(1);

    await rm(path.join(small.folder, 'rollouts', 'broken.yaml'));
    await small.campaigns.reload(small.now);
    expect(await small.check('gate-1', token)).toMatchObject({ reason: 'rollout-paused' });
    expect((await small.ask('GET', '/v1/rollouts', operator)).json().refused).toBeUndefined();
  });

  it('accepted last are in force after a restart with a broken file', async () => {
    await using small = await SmallFleet.open();
    await small.declare('to-2', { release: '2.0.0', waves });
    await small.writeRolloutFile('to-2.yaml', 'nonsense: [');
    await small.campaigns.start(small.now);
    expect(small.campaigns.declared.map(({ name }) => name)).toEqual(['to-2']);
    expect(small.campaigns.problem).toMatchObject({ code: 'document-invalid' });
  });

  it('of one name in two files are refused', async () => {
    await using small = await SmallFleet.open();
    await small.declare('to-2', { release: '2.0.0', waves });
    const document = { apiVersion: 'slipway/v1', kind: 'Rollout', metadata: { name: 'to-2' } };
    const spec = { product: 'k3s-edge', release: '2.0.0', waves };
    await small.writeRolloutFile('twin.yaml', JSON.stringify({ ...document, spec }));
    expect(small.campaigns.problem).toMatchObject({ code: 'document-invalid' });
  });

  it('that cannot be read have their code', async () => {
    await expect(rolloutFiles('/nowhere/at/all').read()).rejects.toMatchObject({ code: 'document-unreadable' });
  });

  it('call back when a file changes', async () => {
    await using small = await SmallFleet.open();
    const changed = new Promise<void>((resolve) => {
      const stop = rolloutFiles(path.join(small.folder, 'rollouts')).watch(() => {
        stop();
        resolve();
      });
    });
    await writeFile(path.join(small.folder, 'rollouts', 'new.yaml'), 'x: 1');
    await changed;
  });
});
