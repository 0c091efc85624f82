/** The online key alone keeps a repository young, signs nothing too early, and never over another publisher. */
import { expect, it } from 'vitest';
import { refreshTrust } from '../../../contract/trust/trusted-set.ts';
import { fetchFrom, loadRepository } from '../../../packager/repository/state.ts';
import { endingRoles, roleEndsOf } from '../../../system/signing/ending-roles.ts';
import { signOnline } from '../../../system/signing/sign-online.ts';
import type { StoreWriter } from '../../../system/store/writer.ts';
import {
  daysLater,
  newKey,
  onlineKey,
  openRepository,
  productKey,
  publish,
} from '../../packager/repository-fixture.ts';
import { Workbench } from '../../packager/workbench.ts';

async function repository() {
  const bench = await Workbench.open();
  const { store, root } = await openRepository(bench);
  await publish(bench, store, 'one');
  const known = new Map([['root', root]]);
  const sign = (days: number, keys = [onlineKey], through: StoreWriter = store) =>
    signOnline({ store: through, keys, known, now: daysLater(days) });
  const device = (days: number) => refreshTrust({ known, fetch: fetchFrom(store), now: daysLater(days) });
  return { store, sign, device };
}

it('a timestamp is signed again at half of its day, and a snapshot at half of its week', async () => {
  const { store, sign, device } = await repository();
  expect((await sign(0.4)).kind).toBe('not-due');
  expect((await sign(0.6)).kind).toBe('signed');
  expect((await loadRepository(store)).snapshotVersion).toBe(2);
  expect((await device(1.5)).timestampVersion).toBe(3);
  // After a long time off, too.
  expect((await sign(30)).kind).toBe('signed');
  expect(await loadRepository(store)).toMatchObject({ snapshotVersion: 3, timestampVersion: 4 });
  expect(await (await device(30.5)).findTarget('k3s-edge/linux-amd64/1.0.0/release.json')).toBeDefined();
});

it('another key, and roles that it cannot sign, are refused before anything is written', async () => {
  const { store, sign } = await repository();
  await expect(sign(0, [productKey, newKey()])).rejects.toMatchObject({ code: 'key-not-authorised' });
  await expect(sign(200)).rejects.toMatchObject({ code: 'metadata-expired', message: /targets.json/ });
  expect(await store.stat('metadata/3.snapshot.json')).toBeUndefined();
});

it('of two that sign at once one wins, and nothing of the other is seen', async () => {
  const { store, sign, device } = await repository();
  const slow: StoreWriter = Object.assign(Object.create(store) as StoreWriter, {
    async compareAndSwap(...swap: Parameters<StoreWriter['compareAndSwap']>) {
      expect((await sign(5)).kind).toBe('signed');
      return store.compareAndSwap(...swap);
    },
  });
  expect((await sign(5, [onlineKey], slow)).kind).toBe('lost-race');
  expect((await device(5)).timestampVersion).toBe(3);
});

it('roles that people sign are told of weeks before they end, and others when they have ended', async () => {
  const { store } = await repository();
  const { documents } = await loadRepository(store);
  const at = (days: number) =>
    endingRoles(roleEndsOf(documents), daysLater(days)).map(({ role, hasEnded }) => `${role} ${hasEnded}`);
  expect(at(0.9)).toEqual([]);
  expect(at(8)).toEqual(['timestamp true', 'snapshot true']);
  expect(at(47)).toContain('k3s-edge false');
  expect(at(149)).not.toContain('targets false');
  expect(at(151)).toContain('targets false');
  expect(at(306)).toContain('root false');
  expect(at(366)).toContain('root true');
});
