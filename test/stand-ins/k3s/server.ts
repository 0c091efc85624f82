/**
 * The k3s of the tests at work, as server or agent: lays out its data directory as K3s does, with kine's database, says
 * that it is ready and stays until it is told to stop. A release with a cluster's certificates serves its API, too.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { etcdDatabase } from '../etcd-database.ts';
import { readClusterFiles } from '../kubernetes/cluster-files.ts';
import { behaviourOf, misbehave } from './behaviour.ts';
import { type K3sCluster, startAgent, startServer } from './cluster.ts';
import { migrate, openKine, reconcileBootstrap } from './datastore.ts';
import { answerSnapshots } from './etcd-snapshot.ts';
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
const cluster = clusterOf(process.env.K3S_DATA_DIR ?? '');
// An agent is not ready before its server has answered.
if (cluster) await Promise.race([stopped, isServer ? startServer(cluster) : startAgent(cluster)]);
// See launcher.c.
writeFileSync(3, 'READY=1');
writeFileSync(at('running-version'), behaviour.ends === 'never-healthy' ? 'sick' : behaviour.version);
// Nothing else keeps the process alive.
const alive = setInterval(() => undefined, 60_000);
await stopped;
clearInterval(alive);
database?.close();
// What serves an etcd goes on without end, too.
if (behaviour.members !== undefined) process.exit();
// What serves a cluster goes on without end.
if (cluster) process.exit();

function layOutServer(): void {
  for (const folder of ['server/db', 'server/tls', 'server/cred']) mkdirSync(at(folder), { recursive: true });
  const token = options.get('token') ?? 'K10stand-in::server:token';
  if (!existsSync(at('server/token'))) writeFileSync(at('server/token'), token, { mode: 0o600 });
  for (const file of ['server/tls/service.key', 'server/cred/passwd']) {
    if (!existsSync(at(file))) writeFileSync(at(file), `stand-in ${Math.random()}`, { mode: 0o600 });
  }
}

/** Undefined where the release came without; `kubelet.json` says what is wrong with it. */
function clusterOf(release: string): K3sCluster | undefined {
  const files = readClusterFiles(release);
  if (files === undefined) return undefined;
  const { version, nodeName, faults } = JSON.parse(readFileSync(path.join(release, 'kubelet.json'), 'utf8'));
  return { data, files, options, nodeName, version, faults };
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
    if (behaviour.members !== undefined) startEtcd(behaviour.members);
    return undefined;
  }
  if (endpoint !== '' && !endpoint.startsWith('sqlite')) return undefined;
  const opened = openKine(at('server/db/state.db'));
  reconcileBootstrap(opened, [at('server/tls/service.key'), at('server/cred/passwd')], Date.now());
  migrate(opened, behaviour.storageVersion);
  return opened;
}

function startEtcd(members: number): void {
  const file = at('server/db/etcd/member/snap/db');
  mkdirSync(path.dirname(file), { recursive: true });
  if (!existsSync(file)) writeFileSync(file, etcdDatabase(members));
  answerSnapshots(data, file, behaviour);
}

function at(name: string): string {
  return path.join(data, name);
}
