/** What every database of the fleet must do, whatever it is. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { FleetState } from '../../distributor/fleet/ports.ts';
import { mintToken } from '../../distributor/fleet/token.ts';

const key = { rollout: 'r', version: '1.0.0' };

/** @param open a state over a new, empty database for each call */
export function fleetStateSuite(name: string, open: () => Promise<FleetState>): void {
  describe(`the state of a fleet in ${name}`, () => {
    it('opens a wave once, however many replicas decide to', async () => {
      const state = await open();
      await Promise.all([1, 2, 3].map((at) => state.openWave(key, 0, 'canary', at, 'The rollout starts.')));
      const [campaign] = await state.loadCampaigns();
      expect(campaign?.openedWaves).toHaveLength(1);
      const [wave] = campaign?.openedWaves ?? [];
      await state.openWave(key, 0, 'canary', 99, 'again');
      expect((await state.loadCampaigns())[0]?.openedWaves).toEqual([wave]);
      await state.close();
    });

    it('lets nothing follow an abort', async () => {
      const state = await open();
      await state.openWave(key, 0, 'canary', 1, 'The rollout starts.');
      await state.setStatus(key, 'aborted', 'evidence', 2);
      for (const status of ['active', 'paused', 'completed'] as const) await state.setStatus(key, status, 'late', 3);
      expect(await state.loadCampaigns()).toMatchObject([{ status: 'aborted', reason: 'evidence', changedAt: 2 }]);
      await state.close();
    });

    it('keeps the declarations accepted last', async () => {
      const state = await open();
      expect(await state.loadDeclared()).toBeUndefined();
      await state.saveDeclared({ rollouts: [], contentSha256: 'a' }, 1);
      await state.saveDeclared({ rollouts: [], contentSha256: 'b' }, 2);
      expect(await state.loadDeclared()).toEqual({ rollouts: [], contentSha256: 'b' });
      await state.close();
    });

    it('gives a token back as it was saved, found by its hash alone', async () => {
      const state = await open();
      const { record } = mintToken({
        purpose: 'ci',
        scopes: ['devices:read'],
        lifetimeSeconds: 60,
        now: 5,
        randomBytes,
      });
      await state.saveToken(record);
      expect(await state.findToken(record.hash)).toEqual(record);
      expect(await state.findToken('0'.repeat(64))).toBeUndefined();
      expect(await state.revokeToken(record.id, 9)).toBe(true);
      expect(await state.revokeToken('none', 9)).toBe(false);
      expect((await state.listTokens()).map(({ revokedAt }) => revokedAt)).toEqual([9]);
      await state.close();
    });

    it('lists devices page by page', async () => {
      const state = await open();
      const { record } = mintToken({ purpose: 'enrol', now: 0, randomBytes });
      await state.saveToken(record);
      for (const id of ['c', 'a', 'b']) {
        await state.enrol({
          device: { id, product: 'edge', platform: 'linux/arm', labels: { site: 'x' } },
          enrolmentTokenId: record.id,
          deviceToken: mintToken({ purpose: 'device', deviceId: id, now: 0, randomBytes }).record,
          at: 1,
        });
      }
      expect((await state.listDevices({ limit: 2 })).map(({ id }) => id)).toEqual(['a', 'b']);
      expect((await state.listDevices({ after: 'b', limit: 2 })).map(({ id }) => id)).toEqual(['c']);
      expect([await state.countDevices(), (await state.devicesOf('edge')).sort()]).toEqual([3, ['a', 'b', 'c']]);
      await state.close();
    });

    it('says that it is unavailable once it is gone', async () => {
      const state = await open();
      await state.ping();
      await state.close();
      await expect(state.ping()).rejects.toMatchObject({ code: 'database-unavailable' });
      await expect(state.attemptsOf('gate-1')).rejects.toMatchObject({ code: 'database-unavailable' });
    });
  });
}
