/** The real pgbouncer on loopback, in front of a PostgreSQL server of a test. Owns its process and its folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { asUser, type PostgresServer } from './postgres-server.ts';

const program = '/usr/sbin/pgbouncer';
const readyTimeoutMs = 20_000;
const readyPollMs = 20;

export const whyNoPooler = existsSync(program) ? undefined : 'pgbouncer not installed';

export type PoolMode = 'session' | 'transaction' | 'statement';

export class Pooler {
  readonly #folder: string;
  readonly #port: number;
  readonly #process: ChildProcess;

  /** @param sessions with the server at most */
  static async start(server: PostgresServer, mode: PoolMode, sessions: number): Promise<Pooler> {
    const folder = await mkdtemp(path.join(tmpdir(), 'slipway-pooler-'));
    const port = await freePort();
    await chmod(folder, 0o755);
    const settings = path.join(folder, 'pgbouncer.ini');
    const lines = [
      ...['[databases]', `* = host=127.0.0.1 port=${server.port} user=postgres`, '[pgbouncer]'],
      ...['listen_addr = 127.0.0.1', `listen_port = ${port}`, 'unix_socket_dir =', 'auth_type = any'],
      ...[`pool_mode = ${mode}`, `default_pool_size = ${sessions}`, 'max_client_conn = 200'],
    ];
    await writeFile(settings, lines.join('\n'));
    const [command, args] = asUser(program, ['-q', settings]);
    const child = spawn(command, args, { cwd: folder, stdio: 'ignore' });
    const pooler = new Pooler(folder, port, child);
    for (const deadline = Date.now() + readyTimeoutMs; !(await accepts(port)); await pause(readyPollMs)) {
      if (child.exitCode === null && Date.now() < deadline) continue;
      await pooler.remove();
      throw new Error('pgbouncer does not listen');
    }
    return pooler;
  }

  private constructor(folder: string, port: number, child: ChildProcess) {
    this.#folder = folder;
    this.#port = port;
    this.#process = child;
  }

  /** @param url of a database of the server */
  through(url: string): string {
    const pooled = new URL(url);
    pooled.port = String(this.#port);
    return pooled.href;
  }

  async remove(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = once(this.#process, 'exit');
      this.#process.kill('SIGKILL');
      await ended;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
