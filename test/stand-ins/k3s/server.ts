/**
 * The k3s of the tests at work, as server or agent: lays out its data directory as K3s does, with kine's database, says
 * that it is ready and stays until it is told to stop. It serves no API.
 */
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { behaviourOf, misbehave } from './behaviour.ts';
import { migrate, openKine, reconcileBootstrap } from './datastore.ts';
import { defaultDataDirectory, optionsOf } from './options.ts';

const args = process.argv.slice(2);
const options = optionsOf(args, process.env);
const data = options.get('data-dir') ?? defaultDataDirectory;
const isServer = args[0] === 'server';
const behaviour = behaviourOf(process.env.K3S_DATA_DIR ?? '');
const stopped = new Promise((resolve) => process.once('SIGTERM', resolve));

if (isServer) layOutServer();
if (!(isServer && options.get('disable-agent') === 'true')) layOutAgent();
const database = isServer ? openDatastore() : undefined;
await misbehave(behaviour, database, data);
// See launcher.c.
writeFileSync(3, 'READY=1');
writeFileSync(at('running-version'), behaviour.ends === 'never-healthy' ? 'sick' : behaviour.version);
// Nothing else keeps the process alive.
const alive = setInterval(() => undefined, 60_000);
await stopped;
clearInterval(alive);
database?.close();

function layOutServer(): void {
  for (const folder of ['server/db', 'server/tls', 'server/cred']) mkdirSync(at(folder), { recursive: true });
  const token = options.get('token') ?? 'K10stand-in::server:token';
  if (!existsSync(at('server/token'))) writeFileSync(at('server/token'), token, { mode: 0o600 });
  for (const file of ['server/tls/server-ca.crt', 'server/cred/passwd']) {
    if (!existsSync(at(file))) writeFileSync(at(file), `stand-in ${Math.random()}`, { mode: 0o600 });
  }
}

/** The certificate comes with the release, because a small machine has no openssl. */
function layOutAgent(): void {
  mkdirSync(at('agent'), { recursive: true });
  const folder = process.env.K3S_DATA_DIR ?? '';
  for (const ending of ['crt', 'key']) {
    const made = path.join(folder, `kubelet.${ending}`);
    if (existsSync(made)) copyFileSync(made, at(`agent/client-kubelet.${ending}`));
  }
  writeFileSync(at('agent/kubelet.kubeconfig'), `users: [${options.get('node-name') ?? hostname().toLowerCase()}]\n`);
}

/** Undefined where the data is in no file of ours. */
function openDatastore(): DatabaseSync | undefined {
  const endpoint = options.get('datastore-endpoint') ?? '';
  if (existsSync(at('server/db/etcd')) || (endpoint === '' && options.get('cluster-init') === 'true')) {
    mkdirSync(at('server/db/etcd/member/wal'), { recursive: true });
    writeFileSync(at('server/db/etcd/name'), `${hostname()}-1a2b3c4d`);
    return undefined;
  }
  if (endpoint !== '' && !endpoint.startsWith('sqlite')) return undefined;
  const opened = openKine(at('server/db/state.db'));
  reconcileBootstrap(opened, [at('server/tls/server-ca.crt'), at('server/cred/passwd')], Date.now());
  migrate(opened, behaviour.storageVersion);
  return opened;
}

function at(name: string): string {
  return path.join(data, name);
}
