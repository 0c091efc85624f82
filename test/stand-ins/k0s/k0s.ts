/**
 * The k0s of the tests at work, as controller or worker: lays out its data directory as K0s does and answers on its status
 * socket. It sends no READY: K0s never does.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, get } from 'node:http';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { gzipSync } from 'node:zlib';
import { etcdDatabase } from '../etcd-database.ts';
import { migrate, openKine, put } from '../k3s/datastore.ts';
import { ApiServer } from '../kubernetes/api-server.ts';
import { type ClusterFiles, readClusterFiles } from '../kubernetes/cluster-files.ts';
import { kubeconfig } from '../kubernetes/kubeconfig.ts';
import { startKubelet } from '../kubernetes/kubelet.ts';

const [role = 'controller', ...args] = process.argv.slice(2);
const data = optionOf('data-dir') ?? '/var/lib/k0s';
const socket = optionOf('status-socket') ?? '/run/k0s/status.sock';
const isSingle = isOn('single');
const version = process.env.STAND_IN_VERSION ?? '';
const behaviour = JSON.parse(process.env.STAND_IN_BEHAVIOUR || '{}') as {
  storageVersion?: number;
  ends?: string;
  members?: number;
};
// Checks that run without side effects.
if (role === 'sysinfo' || role === 'config') {
  process.stdout.write('[]\n');
  process.exit();
}
if (role === 'backup') process.exit(await backup());
const hasWorkloads = role === 'worker' || isSingle || isOn('enable-worker');
const stopped = new Promise((resolve) => process.once('SIGTERM', resolve));

mkdirSync(path.join(data, 'pki'), { recursive: true });
const staged = stageBinary();
const database = role === 'controller' ? openDatastore() : undefined;
if (behaviour.ends === 'exits') {
  // Somebody tries to make it start.
  writeFileSync(optionOf('config') ?? '/etc/k0s/k0s.yaml', 'spec: {}\n# tried\n');
  process.exit(7);
}
writeFileSync(path.join(data, 'running-version'), staged);
if (hasWorkloads) layOutWorker();
const cluster = readClusterFiles(process.env.STAND_IN_CLUSTER ?? '');
if (cluster) await serveCluster(cluster);

const status = {
  Version: version,
  // The kernel sees the launcher.
  Pid: process.ppid,
  ...{ Role: role, Workloads: hasWorkloads, SingleNode: isSingle, DynamicConfig: false, Args: args },
  ClusterConfig: { apiVersion: 'k0s.k0sproject.io/v1beta1', spec: { storage: { type: isSingle ? 'kine' : 'etcd' } } },
  K0sVars: { DataDir: data, KubeletRootDir: path.join(data, 'kubelet'), RunDir: path.dirname(socket) },
};
mkdirSync(path.dirname(socket), { recursive: true });
rmSync(socket, { force: true });
const server = createServer((request, response) => {
  const isStatus = request.url === '/status';
  response.writeHead(isStatus ? 200 : 404, { 'content-type': 'application/json' });
  response.end(isStatus ? `${JSON.stringify(status)}\n` : '');
});
server.listen(socket);
await stopped;
server.close();
server.closeAllConnections();
rmSync(socket, { force: true });
database?.close();
// What serves a cluster goes on without end.
if (cluster) process.exit();

function isOn(name: string): boolean {
  return args.some((argument) => argument === `--${name}` || argument === `--${name}=true`);
}

/** `--name=value` and `--name value`. */
function optionOf(name: string): string | undefined {
  const at = args.findIndex((argument) => argument === `--${name}` || argument.startsWith(`--${name}=`));
  return at < 0 ? undefined : (args[at]?.split('=')[1] ?? args[at + 1]);
}

/** As K0s stages what is inside it: not again where time and size are those of its own file (pkg/assets of K0s). */
function stageBinary(): string {
  const own = statSync(`/proc/${process.ppid}/exe`);
  const file = path.join(data, 'bin', 'kube-apiserver');
  mkdirSync(path.dirname(file), { recursive: true });
  const found = statSync(file, { throwIfNoEntry: false });
  const isStaged = found?.mtimeMs === own.mtimeMs && readFileSync(`${file}.size`, 'utf8') === String(own.size);
  if (!isStaged) {
    writeFileSync(file, version);
    writeFileSync(`${file}.size`, String(own.size));
    utimesSync(file, own.atime, own.mtime);
  }
  return readFileSync(file, 'utf8');
}

function openDatastore(): DatabaseSync | undefined {
  if (!isSingle) {
    mkdirSync(path.join(data, 'etcd', 'member', 'wal'), { recursive: true });
    mkdirSync(path.join(data, 'etcd', 'member', 'snap'), { recursive: true });
    const { members } = behaviour;
    if (members !== undefined) writeFileSync(path.join(data, 'etcd/member/snap/db'), etcdDatabase(members));
    return undefined;
  }
  mkdirSync(path.join(data, 'db'), { recursive: true, mode: 0o750 });
  const opened = openKine(path.join(data, 'db', 'state.db'));
  migrate(opened, behaviour.storageVersion ?? 1);
  put(opened, '/registry/started', version);
  return opened;
}

/**
 * As K0s does it (cmd/backup, pkg/backup): through the controller that runs, made in $TMPDIR and copied from there; a configuration
 * that is not there ends it.
 */
async function backup(): Promise<number> {
  const fail = (why: string) => {
    process.stderr.write(`Error: ${why}\n`);
    return 1;
  };
  const isRunning = await new Promise((resolve) => {
    const asked = get({ socketPath: socket, path: '/status' }, () => resolve(true));
    asked.on('error', () => resolve(false));
  });
  if (!isRunning) return fail('this command must be run on a controller node');
  const settings = optionOf('config') ?? '/etc/k0s/k0s.yaml';
  if (!existsSync(settings)) return fail(`failed to open ${settings}: no such file or directory`);
  const place = optionOf('save-path') ?? '.';
  if (!existsSync(place)) return fail(`the save-path directory (${place}) does not exist`);
  const name = `k0s_backup_${new Date().toISOString().replaceAll(/[:-]/g, '_')}.tar.gz`;
  const made = path.join(process.env.TMPDIR ?? '/tmp', name);
  writeFileSync(made, gzipSync(readFileSync(path.join(data, 'etcd/member/snap/db'))));
  copyFileSync(made, path.join(place, name));
  return 0;
}

/** API and kubelet of a controller that works, with its kubeconfig where K0s keeps it. */
async function serveCluster({ serving, serverCa, clientCa, admin, kubelet }: ClusterFiles): Promise<void> {
  const pki = (name: string) => path.join(data, 'pki', name);
  const texts = { 'ca.crt': serverCa, 'admin.crt': admin.cert, 'admin.key': admin.key };
  for (const [name, text] of Object.entries(texts)) writeFileSync(pki(name), text, { mode: 0o600 });
  const port = Number(process.env.STAND_IN_API_PORT ?? 6443);
  const server = `https://localhost:${port}`;
  const access = { server, ca: pki('ca.crt'), cert: pki('admin.crt'), key: pki('admin.key') };
  writeFileSync(pki('admin.conf'), kubeconfig(access), { mode: 0o600 });
  await ApiServer.start({ port, serving, clientCa });
  const own = path.join(data, 'kubelet', 'pki', 'kubelet-client-current.pem');
  mkdirSync(path.dirname(own), { recursive: true });
  writeFileSync(own, kubelet.cert + kubelet.key, { mode: 0o600 });
  startKubelet({
    ...{ name: process.env.STAND_IN_NODE ?? '', server, files: { ca: pki('ca.crt'), cert: own, key: own } },
    // The kubelet of K0s does not report the build of K0s (embedded-bins/kubernetes of K0s).
    version: version.replace(/\+k0s.*/, '+k0s'),
    ...{ healthzPort: Number(process.env.STAND_IN_HEALTHZ_PORT ?? 10248), faults: {} },
  });
}

function layOutWorker(): void {
  const folder = path.join(data, 'kubelet', 'pki');
  mkdirSync(folder, { recursive: true });
  const made = process.env.STAND_IN_CERTIFICATE ?? '';
  if (existsSync(made)) copyFileSync(made, path.join(folder, 'kubelet-client-current.pem'));
  writeFileSync(path.join(data, 'kubelet.conf'), 'kind: Config\n');
}
