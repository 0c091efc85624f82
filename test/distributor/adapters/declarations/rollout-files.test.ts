import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rolloutFiles } from '../../../../distributor/adapters/declarations/rollout-files.ts';
import { smallRelease } from '../../../fakes/signed-repository.ts';
import { SmallFleet } from '../../../fakes/small-fleet.ts';

const waves = [{ name: 'all', percent: 100 }];
const pollSeconds = 3600;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'rollout-files-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const at = (...names: string[]) => path.join(folder, ...names);
const sourceOf = (place = folder) => rolloutFiles({ place, pollSeconds }, {});
const filesOf = async (place?: string) => (await sourceOf(place).read(undefined)).files();

describe('declarations in files', () => {
  it('are those of a file, or of a folder and the folders below it, in order and without hidden ones', async () => {
    await mkdir(at('b/.hidden'), { recursive: true });
    for (const name of ['b/z.yml', 'a.yaml', 'b/.hidden/x.yaml', '.y.yaml', 'notes.txt'])
      await writeFile(at(name), name);
    expect(await filesOf()).toEqual([
      { name: at('a.yaml'), text: 'a.yaml' },
      { name: at('b/z.yml'), text: 'b/z.yml' },
    ]);
    expect(await filesOf(at('notes.txt'))).toEqual([{ name: at('notes.txt'), text: 'notes.txt' }]);
  });

  it('are read through the links of a ConfigMap', async () => {
    await mkdir(at('..2026'));
    await writeFile(at('..2026/a.yaml'), 'a: 1');
    await symlink('..2026', at('..data'));
    await symlink('..data/a.yaml', at('a.yaml'));
    expect(await filesOf()).toEqual([{ name: at('a.yaml'), text: 'a: 1' }]);
  });

  it('have a revision that changes with a name and with a text, and only then', async () => {
    await writeFile(at('a.yaml'), 'a: 1');
    const { revision } = await sourceOf().read(undefined);
    expect(revision).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(await sourceOf().read(revision)).toMatchObject({ revision, ancestry: 'same' });
    await rename(at('a.yaml'), at('b.yaml'));
    const renamed = await sourceOf().read(revision);
    expect([renamed.revision === revision, renamed.ancestry]).toEqual([false, 'builds-on']);
    await writeFile(at('b.yaml'), 'a: 2');
    expect((await sourceOf().read(undefined)).revision).not.toBe(renamed.revision);
  });

  it('that cannot be read, are too large or are no text have their codes', async () => {
    await expect(filesOf('/nowhere/at/all')).rejects.toMatchObject({ code: 'document-unreadable' });
    await writeFile(at('a.yaml'), Buffer.from([0x61, 0xff]));
    await expect(filesOf()).rejects.toMatchObject({ code: 'document-invalid', problems: [{ file: at('a.yaml') }] });
    await writeFile(at('a.yaml'), 'x'.repeat(1024 * 1024 + 1));
    await expect(filesOf()).rejects.toMatchObject({ code: 'document-invalid', problems: [{ file: at('a.yaml') }] });
    for (let i = 0; i < 17; i++) await writeFile(at(`${i}.yaml`), 'x'.repeat(1024 * 1024));
    await rm(at('a.yaml'));
    await expect(filesOf()).rejects.toMatchObject({ code: 'document-invalid', problems: [{ line: 1, column: 1 }] });
  });

  it('call back when a file changes', async () => {
    const changed = new Promise<void>((resolve) => {
      const stop = sourceOf().watch(() => {
        stop();
        resolve();
      });
    });
    await writeFile(at('new.yaml'), 'x: 1');
    await changed;
  });
});

describe('a fleet whose rollouts are files', () => {
  it('is offered them as soon as a file is there, and no more once it is gone', async () => {
    await using small = await SmallFleet.open();
    await small.publish(smallRelease('2.0.0', 2));
    const token = await small.enrol('gate-1');
    expect(await small.check('gate-1', token)).toMatchObject({ reason: 'no-rollout' });
    await small.declare('to-2', { release: '2.0.0', waves });
    expect(await small.check('gate-1', token)).toMatchObject({ decision: 'update' });
    await rm(path.join(small.folder, 'rollouts', 'to-2.yaml'));
    await small.reconciler.reconcile();
    expect(await small.check('gate-1', token)).toMatchObject({ reason: 'no-rollout' });
  });

  it('stays with what it had while one file is broken, and says so until it is not', async () => {
    await using small = await SmallFleet.open();
    await small.publish(smallRelease('2.0.0', 2));
    const token = await small.enrol('gate-1');
    const operator = await small.token('operator', 'rollouts:read');
    await small.declare('to-2', { release: '2.0.0', waves });
    // The good change beside the broken file must not take effect either.
    await writeFile(path.join(small.folder, 'rollouts', 'broken.yaml'), 'kind: Rollout\n  oops');
    await small.declare('to-2', { release: '2.0.0', waves, paused: true });

    expect(await small.check('gate-1', token)).toMatchObject({ decision: 'update' });
    const { refused } = (await small.ask('GET', '/v1/plan', operator)).json();
    expect(refused.code).toBe('document-invalid');
    expect(refused.problems[0]).toMatchObject({ file: expect.stringContaining('broken.yaml'), line: 1 });
    expect((await small.ask('GET', '/v1/rollouts', operator)).json().refused).toMatchObject({
      code: 'document-invalid',
    });
    await small.reconciler.reconcile();
    expect(small.reconciled.filter(({ kind }) => kind === 'refused')).toHaveLength(1);

    await rm(path.join(small.folder, 'rollouts', 'broken.yaml'));
    await small.reconciler.reconcile();
    expect(await small.check('gate-1', token)).toMatchObject({ reason: 'rollout-paused' });
    expect((await small.ask('GET', '/v1/plan', operator)).json().refused).toBeUndefined();
  });
});
