/** The real nginx of Debian as a process of its own, by a configuration that is given; nothing of the machine's own is touched. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { missingCommands } from './commands.ts';

/** Outside the PATH of most accounts. */
const program = '/usr/sbin/nginx';
const readyTimeoutMs = 30_000;
const pollMs = 50;

export interface RunningNginx {
  /** Of the master; its workers are its children. */
  readonly pid: number;
  stop(): Promise<void>;
}

/** @returns why there is no nginx here, one line; undefined when there is */
export function whyNoNginx(): string | undefined {
  return existsSync(program) ? missingCommands('setpriv') : 'nginx not installed';
}

/**
 * @param folder of its own, for its files
 * @param http content of the http block
 * @param port that it listens on then
 */
export async function startNginx(folder: string, http: string, port: number): Promise<RunningNginx> {
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, 'nginx.conf');
  await writeFile(file, configuration(folder, http));
  // Ends with us, also when we are killed.
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', program, '-c', file, '-e', path.join(folder, 'error.log')], {
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  for (const deadline = Date.now() + readyTimeoutMs; !(await isListening(port)); await pause(pollMs)) {
    if (child.exitCode === null && Date.now() < deadline) continue;
    child.kill('SIGKILL');
    throw new Error(`nginx does not listen: ${await readFile(path.join(folder, 'error.log'), 'utf8').catch(String)}`);
  }
  return { pid: child.pid ?? -1, stop };
}

/** The main block of Debian's nginx.conf, with every file in the folder. */
function configuration(folder: string, http: string): string {
  const isRoot = process.getuid?.() === 0;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `${isRoot ? 'user root;' : ''}
worker_processes auto;
daemon off;
pid ${folder}/nginx.pid;
events { worker_connections 2048; }
http {
  access_log ${folder}/access.log;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ')}
  ${http}
}
`;
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  const isOpen = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return isOpen;
}
