/**
 * A real kube-apiserver over a real etcd, both on loopback, that a test starts, holds up and kills as it likes. Owns its two
 * processes and its folder. There is no kubelet, no scheduler and no controller: who wants a Node writes one.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Pair } from '../stand-ins/kubernetes/certificates.ts';
import { freePort } from './free-port.ts';

export interface KubeApiServerSettings {
  /** See kube-apiserver-program.ts. */
  readonly program: string;
  readonly serving: Pair;
  readonly clientCa: string;
}

export type KubeProcess = 'etcd' | 'kube-apiserver';

export class KubeApiServer implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #processes = new Map<KubeProcess, ChildProcess>();

  private constructor(folder: string, port: number) {
    [this.#folder, this.port] = [folder, port];
  }

  /** Both run then; the API is not ready before some ten seconds. */
  static async launch({ program, serving, clientCa }: KubeApiServerSettings): Promise<KubeApiServer> {
    const folder = await mkdtemp(path.join(tmpdir(), 'kube-apiserver-'));
    const [port, etcdPort] = [await freePort(), await freePort()];
    const server = new KubeApiServer(folder, port);
    const files = { 'serving.crt': serving.cert, 'serving.key': serving.key, 'client-ca.crt': clientCa };
    for (const [name, text] of Object.entries(files)) await writeFile(server.#at(name), text, { mode: 0o600 });
    server.#spawn('etcd', 'etcd', server.#etcdOptions(etcdPort, await freePort()));
    server.#spawn('kube-apiserver', program, server.#options(etcdPort));
    return server;
  }

  /** As an overloaded machine does, or a hanging disk. */
  async holdUp(name: KubeProcess): Promise<void> {
    const child = this.#processes.get(name);
    child?.kill('SIGSTOP');
    // Each thread stops when it has its turn next, on a busy machine some time after the signal.
    while (child && !hasEnded(child) && !(await isStopped(child))) await pause(10);
  }

  letGoOn(name: KubeProcess): void {
    this.#processes.get(name)?.kill('SIGCONT');
  }

  async kill(name: KubeProcess): Promise<void> {
    const child = this.#processes.get(name);
    if (!child || hasEnded(child)) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** @throws Error with the end of its log where one of the two has ended by itself */
  async assertRunning(): Promise<void> {
    for (const [name, child] of this.#processes) {
      if (!hasEnded(child)) continue;
      const log = await readFile(this.#at(`${name}.log`), 'utf8');
      throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode}: ${log.slice(-2000)}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of [...this.#processes.keys()].reverse()) await this.kill(name);
    await rm(this.#folder, { recursive: true, force: true });
  }

  #at(name: string): string {
    return path.join(this.#folder, name);
  }

  #etcdOptions(port: number, peerPort: number): string[] {
    const clients = `http://127.0.0.1:${port}`;
    const peers = `http://127.0.0.1:${peerPort}`;
    return [
      ...['--data-dir', this.#at('etcd'), '--listen-client-urls', clients, '--advertise-client-urls', clients],
      ...['--listen-peer-urls', peers, '--initial-advertise-peer-urls', peers, '--initial-cluster', `default=${peers}`],
    ];
  }

  /** What K3s sets for who may ask what; the rest is what it needs without a cluster around it. */
  #options(etcdPort: number): string[] {
    return [
      ...['--anonymous-auth=false', '--authorization-mode=Node,RBAC', '--enable-admission-plugins=NodeRestriction'],
      ...[`--client-ca-file=${this.#at('client-ca.crt')}`, `--etcd-servers=http://127.0.0.1:${etcdPort}`],
      ...[`--tls-cert-file=${this.#at('serving.crt')}`, `--tls-private-key-file=${this.#at('serving.key')}`],
      ...['--bind-address=127.0.0.1', `--secure-port=${this.port}`, '--service-cluster-ip-range=10.43.0.0/16'],
      ...['--service-account-issuer=https://kubernetes.default.svc', '--disable-admission-plugins=ServiceAccount'],
      `--service-account-key-file=${this.#at('serving.crt')}`,
      `--service-account-signing-key-file=${this.#at('serving.key')}`,
      // An address of loopback is none that it would write down for clients.
      '--endpoint-reconciler-type=none',
    ];
  }

  /** `setpriv --pdeathsig` ends it even when the test run is killed before it can stop anything. */
  #spawn(name: KubeProcess, program: string, args: readonly string[]): void {
    const log = openSync(this.#at(`${name}.log`), 'a');
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], {
      ...{ cwd: this.#folder, stdio: ['ignore', log, log] },
    });
    child.on('error', () => undefined);
    closeSync(log);
    this.#processes.set(name, child);
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

async function isStopped({ pid }: ChildProcess): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`);
  const states = threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8').catch(() => ''));
  return (await Promise.all(states)).every((state) => /\) T /.test(state));
}
