/** The fleet's state in PostgreSQL by `--database`, by the command line. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { openPostgresFleetState } from '../../distributor/adapters/database/postgres/fleet-state.ts';
import { callDistributorJson } from '../fakes/distributor-command.ts';
import { postgresService } from '../services/postgres.ts';
import { PostgresServer } from '../services/postgres-server.ts';
import { describeUnless } from '../services/requirement.ts';

const service = postgresService();
const password = "s3cret/ü@:'x";

/** One call of the command line: exit status, what it printed as JSON, and all of its text. */
const command = callDistributorJson;

describeUnless('unavailable' in service ? service.unavailable : undefined, 'the option --database', () => {
  if ('unavailable' in service) return;
  let folder: string;
  let server: PostgresServer;
  let database: string;
  let empty: string;
  let passwordFile: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'database-option-'));
    passwordFile = path.join(folder, 'password');
    await writeFile(passwordFile, `${password}\n`);
    server = await PostgresServer.start(service);
    database = await server.guardedDatabase(password.replace("'", "''"));
    empty = await server.freshDatabase();
    // As the first serve does.
    const inUrl = new URL(database);
    inUrl.password = encodeURIComponent(password);
    await (await openPostgresFleetState(inUrl.href)).close();
    return async () => {
      await server.remove();
      await rm(folder, { recursive: true, force: true });
    };
  });

  it('keeps tokens, devices and rollouts there, with the password from a file', async () => {
    const state = ['--database', database, '--database-password-file', passwordFile];
    const made = await command('token', 'create', '--purpose', 'operator', '--scope', 'devices:read', ...state);
    expect(made).toMatchObject({ status: 0, printed: { token: expect.stringMatching(/^slp_operator_/) } });
    expect((await command('token', 'ls', ...state)).printed.tokens).toMatchObject([{ id: made.printed.id }]);
    expect(await command('device', 'ls', ...state)).toMatchObject({ status: 0, printed: { devices: [] } });
    expect(await command('rollout', 'ls', ...state)).toMatchObject({ status: 0, printed: { rollouts: [] } });
    expect(await server.query(database, 'select id from token')).toEqual([{ id: made.printed.id }]);
    expect(made.text).not.toContain(password);
  });

  it.each([
    'token ls',
    'device ls',
    'enrolment-token create',
  ])('tells %s that no server made a state there', async (verb) => {
    const { status, printed } = await command(...verb.split(' '), '--database', empty);
    expect([status, printed.error.code]).toEqual([3, 'state-missing']);
    expect(await server.query(empty, 'select tablename from pg_tables where schemaname = current_schema()')).toEqual(
      [],
    );
  });

  it.each(['token ls', 'device ls', 'rollout ls'])('tells %s of a wrong password without showing it', async (verb) => {
    const wrong = path.join(folder, 'wrong');
    await writeFile(wrong, 'hunter2-secret');
    const inUrl = new URL(database);
    inUrl.password = 'hunter2-secret';
    for (const state of [
      ['--database', database, '--database-password-file', wrong],
      ['--database', inUrl.href],
    ]) {
      const refused = await command(...verb.split(' '), ...state);
      expect([refused.status, refused.printed.error.code]).toEqual([5, 'database-unavailable']);
      expect(refused.printed.error.message).toContain('password authentication failed');
      expect(refused.text).not.toContain('hunter2');
    }
  });

  it('tells of a password file that is not there, and of a URL that is none, without showing the URL', async () => {
    const missing = ['--database', database, '--database-password-file', path.join(folder, 'missing')];
    expect(await command('device', 'ls', ...missing)).toMatchObject({ printed: { error: { code: 'key-unreadable' } } });
    const odd = await command('device', 'ls', '--database', 'mysql://me:hunter2-secret@127.0.0.1/x');
    expect([odd.status, odd.printed.error.code]).toEqual([2, 'usage']);
    expect(odd.text).not.toContain('hunter2');
  });
});
