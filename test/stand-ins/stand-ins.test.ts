/** The stand-ins have the traps that they are there for; without systemd, as plain processes. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { localMachine } from '../../edge-updater/adapters/health/local-machine.ts';
import type { Box } from '../../edge-updater/box/box.ts';
import { HealthOfBox } from '../../edge-updater/health/box-health.ts';
import { BoxProbe } from '../../edge-updater/health/box-probe.ts';
import { missingCommands } from '../services/commands.ts';
import { freePort } from '../services/free-port.ts';
import { describeUnless } from '../services/requirement.ts';
import { makeK0s } from './k0s/release.ts';
import { type MadeK3s, makeK3s } from './k3s/release.ts';
import { ClusterCertificates } from './kubernetes/certificates.ts';
import { commandsOfStandIns } from './launcher.ts';

const missing = missingCommands(...commandsOfStandIns);
const folder = mkdtempSync(path.join(tmpdir(), 'stand-ins-'));
const at = (...parts: string[]) => path.join(folder, ...parts);
let running: ChildProcess | undefined;

afterEach(() => running?.kill('SIGTERM'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(program: string, args: readonly string[], environment: Record<string, string> = {}) {
  running = spawn(program, args, { stdio: 'ignore', env: { ...process.env, ...environment } });
  return running.pid ?? 0;
}

async function until<T>(look: () => T | Promise<T | undefined> | undefined): Promise<T> {
  for (let tries = 0; tries < 300; tries++, await pause(50)) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
  }
  throw new Error('waited in vain');
}

/** Undefined while nobody listens. */
function answerOf(socketPath: string): Promise<object | undefined> {
  return new Promise((resolve) => {
    const asked = get({ socketPath, path: '/status' }, async (answer) => {
      resolve(JSON.parse(Buffer.concat(await answer.toArray()).toString()));
    });
    asked.on('error', () => resolve(undefined));
  });
}

describeUnless(missing, 'the k3s stand-in', () => {
  let old: MadeK3s;
  let young: MadeK3s;
  const data = at('data');
  beforeAll(() => {
    old = makeK3s(at('old'), { version: 'v1.33.9+k3s1', nodeName: 'box-1' });
    young = makeK3s(at('young'), { version: 'v1.34.1+k3s1' });
  });

  it('says its version without unpacking', () => {
    expect(execFileSync(old.program, ['--version'], { encoding: 'utf8' })).toMatch(/^k3s version v1\.33\.9\+k3s1 \(/);
    expect(existsSync(data)).toBe(false);
  });

  it('runs what it has unpacked, which says its version too, over kine’s database', async () => {
    const unpacked = path.join(data, 'data', old.payloadHash, 'bin', 'k3s');
    const pid = await start(old.program, ['server', '--data-dir', data]);
    await until(() => existsSync(path.join(data, 'server/db/state.db-wal')));
    expect(readlinkSync(`/proc/${pid}/exe`)).toBe(unpacked);
    expect(execFileSync(unpacked, ['--version'], { encoding: 'utf8' })).toMatch(/^k3s version v1\.33\.9\+k3s1 \(/);
  });

  it('does not move its links back to a release that is unpacked already', async () => {
    const link = () => readlinkSync(path.join(data, 'data', 'current'));
    await start(young.program, ['agent', '--data-dir', data]);
    await until(() => link().endsWith(young.payloadHash));
    running?.kill('SIGTERM');
    const pid = await start(old.program, ['agent', '--data-dir', data]);
    await until(() => readlinkSync(`/proc/${pid}/exe`).includes(old.payloadHash));
    expect(link()).toContain(young.payloadHash);
  });
});

describeUnless(missing, 'the k0s stand-in', () => {
  it('serves its API to its own certificate, and a kubelet that does not report the build of K0s', async () => {
    const cluster = new ClusterCertificates(at('cluster'));
    const made = makeK0s(at('k0s-cluster'), { version: 'v1.33.9+k0s.0', nodeName: 'box-1', cluster });
    const [data, socket] = [at('k0s-cluster-data'), at('cluster.sock')];
    const [api, healthz] = [await freePort(), await freePort()];
    const ports = { STAND_IN_API_PORT: String(api), STAND_IN_HEALTHZ_PORT: String(healthz) };
    const args = ['controller', '--single', `--data-dir=${data}`, '--status-socket', socket];
    await start(made.program, args, { ...made.environment, ...ports });
    const box: Box = {
      ...{ distribution: 'k0s', role: 'controller+worker', unit: 'k0scontroller.service', program: made.program },
      ...{ dataDir: data, version: 'v1.33.9+k0s.0', nodeName: 'box-1', datastore: { kind: 'sqlite' } },
    };
    const probe = new BoxProbe({
      box: new HealthOfBox({
        boxes: { read: async () => ({ kind: 'box', box }) },
        machine: localMachine(2, () => performance.now() / 1000),
        ...{ kubeletHealthz: `http://127.0.0.1:${healthz}/healthz`, podsIn: ['kube-system'] },
      }),
      distribution: () => ({ name: 'k0s', version: '1.33.9+k0s.0', component: 'k0s' }),
      probes: [],
    });
    const never = new AbortController().signal;
    const found = await until(async () => {
      const result = await probe.probe(never);
      return result.isHealthy ? result : undefined;
    });
    expect(found.detail).toBe(
      'unit: k0scontroller.service runs v1.33.9+k0s.0; api: /readyz says ok; kubelet: healthz says ok; node: box-1 is Ready at v1.33.9+k0s; pods: 0 are ready in kube-system',
    );
  });

  it('answers on its socket as the process that the kernel shows', async () => {
    const { program, environment } = makeK0s(at('k0s'), { version: 'v1.33.9+k0s.0', nodeName: 'box-1' });
    const [data, socket] = [at('k0s-data'), at('status.sock')];
    expect(execFileSync(program, ['version'], { encoding: 'utf8' })).toBe('v1.33.9+k0s.0\n');
    const args = ['controller', '--single', `--data-dir=${data}`, '--status-socket', socket];
    const pid = await start(program, args, environment);
    const status = await until(() => answerOf(socket));
    expect(readlinkSync(`/proc/${pid}/exe`)).toBe(program);
    expect(status).toMatchObject({ Version: 'v1.33.9+k0s.0', Role: 'controller', Workloads: true, Pid: pid });
    expect(existsSync(path.join(data, 'kubelet/pki/kubelet-client-current.pem'))).toBe(true);
  });
});
