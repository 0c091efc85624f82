/**
 * A PostgreSQL server on loopback that a test starts, stops and kills as it likes. Owns its process and its folder;
 * never touches a cluster of the machine.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { missingCommands } from './commands.ts';
import { freePort } from './free-port.ts';
import type { PostgresService } from './postgres.ts';

const run = promisify(execFile);
const installations = '/usr/lib/postgresql';
/** The role whose members have to show a password. */
const guarded = 'guarded';
const readyTimeoutMs = 60_000;
const readyPollMs = 50;

export function whyNoPostgres(): string | undefined {
  return postgresPrograms() === undefined ? 'postgresql not installed' : missingCommands('setpriv');
}

/** Starts a server once, so that a host that cannot skips the suites instead of failing. */
export async function startablePostgres(): Promise<PostgresService> {
  const programs = postgresPrograms() ?? '';
  await (await PostgresServer.start({ programs })).remove();
  return { programs };
}

/** Folder of the newest version that is installed. */
export function postgresPrograms(): string | undefined {
  try {
    const versions = readdirSync(installations).filter((name) => /^\d+$/.test(name));
    const newest = versions.sort((a, b) => Number(b) - Number(a))[0];
    return newest === undefined ? undefined : path.join(installations, newest, 'bin');
  } catch {
    return undefined;
  }
}

export class PostgresServer {
  readonly #programs: string;
  readonly #folder: string;
  readonly #port: number;
  readonly #settings: readonly string[];
  #process: ChildProcess | undefined;
  #databases = 0;

  /** What every server of a run starts from: made once, since making it takes longer than starting. @returns its folder */
  static async prepare({ programs }: PostgresService): Promise<string> {
    const folder = await mkdtemp(path.join(tmpdir(), 'slipway-postgres-'));
    await new PostgresServer(programs, folder, 0, []).#initialise();
    return folder;
  }

  /** @param settings instead of those that are enough for tests, `name=value` */
  static async start(
    { programs, prepared }: PostgresService,
    settings: readonly string[] = [],
  ): Promise<PostgresServer> {
    const folder = await mkdtemp(path.join(tmpdir(), 'slipway-postgres-'));
    const server = new PostgresServer(programs, folder, await freePort(), settings);
    try {
      if (prepared === undefined) await server.#initialise();
      else await run('cp', ['-a', `${prepared}/.`, folder]);
      await server.resume();
      return server;
    } catch (error) {
      await server.remove();
      throw error;
    }
  }

  private constructor(programs: string, folder: string, port: number, settings: readonly string[]) {
    this.#settings = settings;
    this.#programs = programs;
    this.#folder = folder;
    this.#port = port;
  }

  /** A new database: empty, or with the tables and rows of another that nobody uses. */
  async freshDatabase(like = this.url('template1')): Promise<string> {
    this.#databases += 1;
    const name = `suite_${this.#databases}`;
    const template = new URL(like).pathname.slice(1);
    // Files are copied in less time than their pages are logged, and nobody here cuts the power.
    await this.#query('postgres', `create database ${name} template ${template} strategy file_copy`);
    return this.url(name);
  }

  /** A new empty database of a new user that has to show this password. */
  async guardedDatabase(password: string): Promise<string> {
    const url = new URL(await this.freshDatabase());
    url.username = `user_${this.#databases}`;
    if ((await this.#query('postgres', `select from pg_roles where rolname = '${guarded}'`)).length === 0) {
      await this.#query('postgres', `create role ${guarded}`);
    }
    await this.#query('postgres', `create role ${url.username} login in role ${guarded} password '${password}'`);
    await this.#query('postgres', `alter database ${url.pathname.slice(1)} owner to ${url.username}`);
    return url.href;
  }

  get port(): number {
    return this.#port;
  }

  url(database: string): string {
    return `postgres://postgres@127.0.0.1:${this.#port}/${database}`;
  }

  /** Asks as a person at the database's own prompt. */
  async query(url: string, text: string): Promise<Record<string, unknown>[]> {
    return this.#query(new URL(url).pathname.slice(1), text);
  }

  /** Keeps what a statement locks. @returns lets it go */
  async holding(url: string, text: string): Promise<() => Promise<void>> {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    await client.query(`begin; ${text}`);
    return () => client.end();
  }

  /** Ends every connection but that of the question, as an operator would. */
  async cutConnections(): Promise<void> {
    await this.#query(
      'postgres',
      'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname is not null',
    );
  }

  /** `SIGINT` is PostgreSQL's fast shutdown, `SIGQUIT` ends without a checkpoint, as a crash does. */
  async pause(signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    if (!server || server.exitCode !== null) return;
    const ended = once(server, 'exit');
    // The folder's pid file names the server itself, setpriv has become it.
    process.kill(Number((await readFile(path.join(this.#data, 'postmaster.pid'), 'utf8')).split('\n')[0]), signal);
    await ended;
  }

  async resume(): Promise<void> {
    const options = ['-D', this.#data, '-p', String(this.#port), '-k', this.#folder, '-h', '127.0.0.1'];
    // Tests end the server, never the power: what it gave to the kernel is there when it starts again.
    const settings = ['-c', 'max_connections=60', '-c', 'shared_buffers=32MB', '-c', 'fsync=off'];
    const [command, args] = asUser(path.join(this.#programs, 'postgres'), [
      ...[...options, ...settings],
      ...this.#settings.flatMap((setting) => ['-c', setting]),
    ]);
    const server = spawn(command, args, { cwd: this.#folder, stdio: 'ignore' });
    server.on('error', () => undefined);
    this.#process = server;
    for (const deadline = Date.now() + readyTimeoutMs; ; await pause(readyPollMs)) {
      const isReady = await this.#query('postgres', 'select 1').then(
        () => true,
        () => false,
      );
      if (isReady) return;
      if (server.exitCode !== null) throw new Error(`postgres ended with status ${server.exitCode}`);
      if (Date.now() > deadline) throw new Error(`postgres was not ready after ${readyTimeoutMs} ms`);
    }
  }

  async remove(): Promise<void> {
    await this.pause('SIGINT');
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #data(): string {
    return path.join(this.#folder, 'data');
  }

  async #initialise(): Promise<void> {
    if (process.getuid?.() === 0) {
      const { stdout } = await run('id', ['-u', 'postgres']);
      await chown(this.#folder, Number(stdout), 0);
    }
    const options = ['-D', this.#data, '-U', 'postgres', '-A', 'trust', '-N', '-E', 'UTF8', '--locale', 'C'];
    const [command, args] = asUser(path.join(this.#programs, 'initdb'), options);
    await run(command, args, { cwd: this.#folder });
    // The first rule that fits holds.
    const rules = path.join(this.#data, 'pg_hba.conf');
    await writeFile(rules, `host all +${guarded} 127.0.0.1/32 scram-sha-256\n${await readFile(rules, 'utf8')}`);
  }

  async #query(database: string, text: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.url(database) });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  }
}

/** PostgreSQL and its pooler refuse to run as root; and it ends with the test run even when that is killed. */
export function asUser(command: string, args: readonly string[]): [string, string[]] {
  const root = process.getuid?.() === 0 ? ['--reuid', 'postgres', '--regid', 'postgres', '--clear-groups'] : [];
  return ['setpriv', ['--pdeathsig', 'KILL', ...root, command, ...args]];
}
