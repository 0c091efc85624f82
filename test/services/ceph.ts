/**
 * A real S3 service on loopback for the length of one test run: Ceph's radosgw over one monitor and one in-memory
 * object store daemon. Owns their processes and their directory; never touches a cluster of the machine.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import type { S3Credentials, S3Service } from './s3.ts';

const run = promisify(execFile);

/** Commands of the Debian packages radosgw, ceph-mon and ceph-osd and of what they depend on. */
export const cephCommands = ['ceph', 'ceph-authtool', 'ceph-mon', 'ceph-osd', 'monmaptool', 'radosgw', 'radosgw-admin'];

const commandTimeoutMs = 60_000;
const readyTimeoutMs = 60_000;
const readyPollMs = 100;

export interface RunningCeph {
  readonly service: S3Service;
  stop(): Promise<void>;
}

/** Starts the three daemons and two users. Throws with the log of the one that failed; nothing is left running then. */
export async function startCeph(): Promise<RunningCeph> {
  const cluster = new Cluster(await mkdtemp(path.join(tmpdir(), 'slipway-ceph-')));
  try {
    return { service: await cluster.start(), stop: () => cluster.stop() };
  } catch (error) {
    const logs = await cluster.lastLogLines();
    await cluster.stop();
    throw new Error(`Ceph did not start: ${error instanceof Error ? error.message : String(error)}\n${logs}`);
  }
}

class Cluster {
  private readonly folder: string;
  private readonly daemons: ChildProcess[] = [];

  constructor(folder: string) {
    this.folder = folder;
  }

  async start(): Promise<S3Service> {
    const fsid = randomUUID();
    const monitorPort = await freePort();
    const gatewayPort = await freePort();
    const osdPort = await freePort();
    await writeFile(this.at('ceph.conf'), configuration(this.folder, fsid, monitorPort, osdPort));
    await this.makeKeys();
    await this.startMonitor(fsid, monitorPort);
    await this.startStorage();
    const owner = newCredentials();
    const stranger = newCredentials();
    // A user without a right to make buckets, so that every bucket it can name is another's.
    await this.createUser('owner', owner, []);
    await this.createUser('stranger', stranger, ['--max-buckets=-1']);
    const endpoint = `http://127.0.0.1:${gatewayPort}`;
    this.spawnDaemon('radosgw', ['--name', 'client.rgw', '--rgw-frontends', `beast endpoint=127.0.0.1:${gatewayPort}`]);
    await this.untilReady('radosgw', async () => (await fetch(endpoint)).ok);
    return { endpoint, region: 'us-east-1', owner, stranger };
  }

  /** Kills the daemons and removes their data: nothing in them outlives the run. */
  async stop(): Promise<void> {
    for (const daemon of this.daemons.reverse()) {
      if (daemon.exitCode !== null || daemon.signalCode !== null) continue;
      const gone = new Promise((resolve) => daemon.once('exit', resolve));
      daemon.kill('SIGKILL');
      await gone;
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  async lastLogLines(): Promise<string> {
    const logs = ['ceph-mon', 'ceph-osd', 'radosgw'].map(async (name) => {
      const text = await readFile(this.at(`${name}.log`), 'utf8').catch(() => '');
      return text === '' ? '' : `${name}: ${text.trimEnd().split('\n').slice(-5).join('\n')}\n`;
    });
    return (await Promise.all(logs)).join('');
  }

  private at(name: string): string {
    return path.join(this.folder, name);
  }

  private async ceph(command: string, args: readonly string[]): Promise<void> {
    await run(command, ['--conf', this.at('ceph.conf'), ...args], { timeout: commandTimeoutMs, cwd: this.folder });
  }

  /** The monitor takes all users from its first keyring, so no command is needed to add them. */
  private async makeKeys(): Promise<void> {
    const users: [string, string[]][] = [
      ['mon.', ['mon', 'allow *']],
      ['client.admin', ['mon', 'allow *', 'osd', 'allow *']],
      ['client.rgw', ['mon', 'allow rw', 'osd', 'allow rwx']],
      ['osd.0', ['mon', 'allow profile osd', 'osd', 'allow *']],
    ];
    const keyring = this.at('keyring');
    await run('ceph-authtool', ['--create-keyring', keyring]);
    for (const [name, capabilities] of users) {
      const caps = pairs(capabilities).flatMap(([service, right]) => ['--cap', service, right]);
      await run('ceph-authtool', [keyring, '--gen-key', '--name', name, ...caps]);
    }
  }

  private async startMonitor(fsid: string, port: number): Promise<void> {
    const map = this.at('monmap');
    await run('monmaptool', ['--create', '--fsid', fsid, '--addv', 'a', `[v2:127.0.0.1:${port}]`, map]);
    await this.ceph('ceph-mon', ['--mkfs', '--id', 'a', '--monmap', map, '--keyring', this.at('keyring')]);
    this.spawnDaemon('ceph-mon', ['--id', 'a']);
  }

  private async startStorage(): Promise<void> {
    const uuid = randomUUID();
    await mkdir(this.at('osd'));
    await this.ceph('ceph', ['--connect-timeout', '30', 'osd', 'new', uuid, '0']);
    await this.ceph('ceph-osd', ['--mkfs', '--id', '0', '--osd-uuid', uuid]);
    this.spawnDaemon('ceph-osd', ['--id', '0']);
  }

  private async createUser(name: string, keys: S3Credentials, extra: readonly string[]): Promise<void> {
    const args = ['--name', 'client.rgw', 'user', 'create', '--uid', name, '--display-name', name];
    const secrets = ['--access-key', keys.accessKeyId, '--secret-key', keys.secretAccessKey];
    await this.ceph('radosgw-admin', [...args, ...secrets, ...extra]);
  }

  /** `setpriv --pdeathsig` ends the daemon even when the test run is killed before it can stop anything. */
  private spawnDaemon(command: string, args: readonly string[]): void {
    const all = ['--pdeathsig', 'KILL', command, '--conf', this.at('ceph.conf'), '--foreground', ...args];
    const daemon = spawn('setpriv', all, { cwd: this.folder, stdio: 'ignore' });
    daemon.on('error', () => undefined);
    this.daemons.push(daemon);
  }

  private async untilReady(name: string, isReady: () => Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + readyTimeoutMs; ; await pause(readyPollMs)) {
      if (await isReady().catch(() => false)) return;
      const ended = this.daemons.find((daemon) => daemon.exitCode !== null || daemon.signalCode !== null);
      if (ended) throw new Error(`${ended.spawnargs[3]} ended with status ${ended.exitCode ?? ended.signalCode}`);
      if (Date.now() > deadline) throw new Error(`${name} was not ready after ${readyTimeoutMs} ms`);
    }
  }
}

/** cephx stays on: without it radosgw hangs. One copy of each object, tiny pools, and a monitor that decides at once. */
function configuration(folder: string, fsid: string, monitorPort: number, osdPort: number): string {
  return `[global]
fsid = ${fsid}
mon_host = [v2:127.0.0.1:${monitorPort}]
public_addr = 127.0.0.1
ms_bind_port_min = ${osdPort}
ms_bind_port_max = ${osdPort + 200}
keyring = ${folder}/keyring
run_dir = ${folder}
admin_socket =
log_file = ${folder}/$type-$id.log
mon_data = ${folder}/mon
osd_data = ${folder}/osd
rgw_data = ${folder}/rgw
osd_objectstore = memstore
memstore_device_bytes = 2147483648
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 2000
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
`;
}

function newCredentials(): S3Credentials {
  const random = () => randomUUID().replaceAll('-', '');
  return { accessKeyId: random().slice(0, 20).toUpperCase(), secretAccessKey: random() + random().slice(0, 8) };
}

function pairs(flat: readonly string[]): [string, string][] {
  return flat.flatMap((key, at) => (at % 2 === 0 ? [[key, flat[at + 1] ?? ''] as [string, string]] : []));
}
