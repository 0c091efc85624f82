/**
 * The `etcd-snapshot` of the k3s of the tests, and what answers it in the server: the command asks the server that runs, with its
 * token, and the server writes the file, whose name gets the node and the time behind it (pkg/etcd/snapshot.go of K3s).
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { hostname } from 'node:os';
import path from 'node:path';
import type { Behaviour } from './behaviour.ts';

const socketOf = (data: string) => path.join(data, 'server/supervisor.sock');
const folderOf = (data: string) => path.join(data, 'server/db/snapshots');

/** @param database of its etcd */
export function answerSnapshots(data: string, database: string, { snapshots = 'well' }: Behaviour): void {
  const socket = socketOf(data);
  rmSync(socket, { force: true });
  createServer((asked, answer) => {
    const { pathname, searchParams } = new URL(asked.url ?? '', 'http://server');
    const name = searchParams.get('name') ?? 'on-demand';
    if (asked.headers.authorization !== readFileSync(path.join(data, 'server/token'), 'utf8')) {
      answer.writeHead(401).end();
      return;
    }
    if (snapshots === 'refused') {
      answer.writeHead(500).end('etcdserver: mvcc: database space exceeded');
      return;
    }
    if (pathname === '/save' && snapshots !== 'none') save(data, name, snapshots === 'empty' ? '' : database);
    if (pathname === '/prune') prune(data, name, Number(searchParams.get('retention') ?? 5));
    answer.writeHead(200).end();
  }).listen(socket);
}

function save(data: string, name: string, database: string): void {
  const folder = folderOf(data);
  mkdirSync(folder, { recursive: true });
  // Two within one second have one name: the later takes the place of the earlier.
  const file = path.join(folder, `${name}-${hostname()}-${Math.floor(Date.now() / 1000)}`);
  writeFileSync(`${file}.part`, database === '' ? '' : readFileSync(database));
  renameSync(`${file}.part`, file);
}

/** Those of this name alone. */
function prune(data: string, name: string, retention: number): void {
  const own = namesIn(data).filter((each) => each.startsWith(`${name}-`));
  for (const each of own.sort().slice(0, -retention)) rmSync(path.join(folderOf(data), each));
}

function namesIn(data: string): string[] {
  return existsSync(folderOf(data)) ? readdirSync(folderOf(data)) : [];
}

/** All but `ls` says what it did to its log alone. */
export async function etcdSnapshot(verb: string, options: ReadonlyMap<string, string>, data: string): Promise<number> {
  const text = (name: string, short: string) => options.get(name) ?? options.get(short);
  if (verb === 'ls') {
    const rows = namesIn(data).map((name) => {
      const file = path.join(folderOf(data), name);
      return `${name} file://${file} ${statSync(file).size} 2026-12-01T00:00:00Z`;
    });
    process.stdout.write(`${['Name Location Size Created', ...rows].join('\n')}\n`);
    return 0;
  }
  const query = new URLSearchParams({
    name: text('etcd-snapshot-name', 'name') ?? 'on-demand',
    retention: text('etcd-snapshot-retention', 'snapshot-retention') ?? '5',
  });
  const token = path.join(data, 'server/token');
  const authorization = existsSync(token) ? readFileSync(token, 'utf8') : '';
  return new Promise((resolve) => {
    const fail = (why: string) => {
      process.stderr.write(`time="2026-12-01T00:00:00Z" level=fatal msg="see server log for details: ${why}"\n`);
      resolve(1);
    };
    const asked = request({ socketPath: socketOf(data), path: `/${verb}?${query}`, headers: { authorization } });
    asked.on('error', () => fail('dial tcp 127.0.0.1:6443: connect: connection refused'));
    asked.on('response', async (answer) => {
      const said = Buffer.concat(await answer.toArray()).toString();
      if (answer.statusCode === 200) resolve(0);
      else fail(said || String(answer.statusCode));
    });
    asked.end();
  });
}
