/** A PostgreSQL that takes no writes, and what readiness says of it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { openPostgresFleetState } from '../../../../../distributor/adapters/database/postgres/fleet-state.ts';
import { SmallFleet } from '../../../../fakes/small-fleet.ts';
import { postgresService } from '../../../../services/postgres.ts';
import { PostgresServer } from '../../../../services/postgres-server.ts';
import { describeUnless } from '../../../../services/requirement.ts';

const service = postgresService();
const canMount = process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0;
const whyNoDisk = canMount ? undefined : 'no file system can be mounted here';

describeUnless('unavailable' in service ? service.unavailable : undefined, 'a PostgreSQL that takes no writes', () => {
  if ('unavailable' in service) return;
  let server: PostgresServer;
  beforeAll(async () => {
    server = await PostgresServer.start(service);
    return () => server.remove();
  });
  const ready = async (small: SmallFleet) => {
    const { statusCode, body } = await small.ask('GET', '/readyz');
    return { statusCode, databaseCode: JSON.parse(body).databaseCode };
  };
  const again = (small: SmallFleet) => small.pass(2).catch(() => undefined);

  it('because it is read-only: not ready, with what to do, and ready again when it takes them', async () => {
    const url = await server.freshDatabase();
    await using small = await SmallFleet.open({ state: () => openPostgresFleetState(url) });
    expect(await ready(small)).toEqual({ statusCode: 200, databaseCode: undefined });
    const name = new URL(url).pathname.slice(1);
    await server.query(url, `alter database ${name} set default_transaction_read_only = on`);
    await server.cutConnections();
    await small.fleet.countDevices().catch(() => undefined);
    await again(small);
    await expect.poll(() => ready(small)).toEqual({ statusCode: 503, databaseCode: 'database-unavailable' });
    await expect(small.fleet.ping()).rejects.toMatchObject({ hint: expect.stringContaining('primary') });
    expect(await small.fleet.countDevices()).toBe(0);
    await server.query(server.url('postgres'), `alter database ${name} set default_transaction_read_only = off`);
    // Without a restart: a connection that is read-only is given up.
    await again(small);
    await expect.poll(() => ready(small)).toEqual({ statusCode: 200, databaseCode: undefined });
  });

  describeUnless(whyNoDisk, 'because its disk is full', () => {
    let disk: string;
    beforeAll(() => {
      disk = mkdtempSync(path.join(tmpdir(), 'slipway-small-disk-'));
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', disk]);
      const { uid, gid } = statSync(path.join('/var/lib/postgresql'));
      chownSync(disk, uid, gid);
      return () => {
        execFileSync('umount', ['--lazy', disk]);
        rmSync(disk, { recursive: true, force: true });
      };
    });

    it('not ready, with the code of it, and ready again when it has room', async () => {
      await server.query(server.url('postgres'), `create tablespace small location '${disk}'`);
      await server.query(server.url('postgres'), 'create database on_small_disk tablespace small');
      const url = server.url('on_small_disk');
      await using small = await SmallFleet.open({ state: () => openPostgresFleetState(url) });
      expect((await ready(small)).statusCode).toBe(200);
      const filler = path.join(disk, 'filler');
      const { bavail, bsize } = statfsSync(disk);
      writeFileSync(filler, Buffer.alloc(bavail * bsize));
      await again(small);
      expect(await ready(small)).toEqual({ statusCode: 503, databaseCode: 'disk-full' });
      rmSync(filler);
      await again(small);
      expect(await ready(small)).toEqual({ statusCode: 200, databaseCode: undefined });
    });
  });
});
