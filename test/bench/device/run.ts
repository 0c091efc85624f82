/**
 * `npm run bench -- device [--rounds N] [--json]`: what the updater costs the box that it runs on: the start of a command
 * beside `node -e 0`, memory while it waits, and a whole component beside curl, sha256sum and sync on the same bytes.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { DeviceApi, enrolmentToken } from '../../fakes/device-api.ts';
import { EdgeDevice } from '../../fakes/edge-device.ts';
import { product } from '../../fakes/signed-repository.ts';
import { measuredRun } from '../measured-run.ts';

export interface DeviceBench {
  /** Medians, seconds. */
  readonly status: { readonly seconds: number; readonly nodeSeconds: number };
  readonly idleRssBytes: number;
  /** `seconds` from the answer of the check to the switch; `commandSeconds` of the whole `check-now`, enrolment included. */
  readonly install: {
    readonly bytes: number;
    readonly seconds: number;
    readonly commandSeconds: number;
    readonly curlSeconds: number;
  };
}

interface Wishes {
  readonly rounds: number;
  readonly json: boolean;
}

const root = path.join(import.meta.dirname, '../../..');
const program = path.join(root, 'dist/slipway-edge.mjs');
const componentBytes = 60_000_000;
const chunkBytes = 1024 * 1024;
const settleMs = 5000;

export async function benchDevice({ rounds, json }: Wishes): Promise<void> {
  const load = loadavg()[0] ?? 0;
  const result = await measure(rounds);
  const lines = linesOf(result);
  const page = [
    '# A device, measured',
    '',
    `Made by \`npm run bench -- device\` on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} × ${cpus()[0]?.model.trim()},`,
    `${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}, load ${load.toFixed(1)} at the start; medians of ${rounds} rounds, taken in turn.`,
    'The program is the one that is shipped; server and device share the machine. The device installs, verifies and starts.',
    '',
    ...lines,
    '',
  ].join('\n');
  writeFileSync(path.join(root, 'test/bench/DEVICE-RESULTS.md'), page);
  (json ? process.stderr : process.stdout).write(`${lines.join('\n')}\n`);
  if (json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
}

async function measure(rounds: number): Promise<DeviceBench> {
  using edge = new EdgeDevice();
  edge.clock.jumpTo(Date.now());
  edge.repository.publish(new Date());
  // On a disk, not in memory: curl and sync are measured on the same one.
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-bench-'));
  await using api = await DeviceApi.listen(edge.server);
  try {
    const bytes = Buffer.alloc(componentBytes, 'a component that is as large as k3s, and the same in each run; ');
    const { manifest } = edge.publish('1.0.0', 1, [
      { path: 'bin/k3s', bytes },
      { path: 'small', bytes: Buffer.from('small') },
    ]);
    sendLargeChunks(edge);
    const url = `http://127.0.0.1:${api.port}`;
    const blob = `${url}/v1/blobs/sha256/${manifest.components[0]?.blobs[0]?.sha256}`;
    const configurations = Array.from({ length: rounds }, (_, round) =>
      configure(edge, url, path.join(folder, `${round}`)),
    );
    edge.server.offered = manifest;
    const own: number[] = [];
    const commands: number[] = [];
    const peer: number[] = [];
    for (const [round, configuration] of configurations.entries()) {
      say(`a whole component, round ${round + 1}`);
      const { install, command } = await timedInstall(configuration);
      own.push(install);
      commands.push(command);
      const file = path.join(folder, `${round}`, 'curl');
      const token = `slp_device_${'d'.repeat(43)}`;
      const line = `curl -fsS -H "authorization: Bearer ${token}" -o "${file}" ${blob} && sha256sum "${file}" && sync "${file}"`;
      peer.push((await measuredRun('/bin/sh', ['-c', line])).seconds);
    }
    const [configuration = ''] = configurations;
    say('status');
    const status = await inTurn(rounds * 5, configuration);
    say('idle');
    const idleRssBytes = await idleRss(configuration);
    return {
      status,
      idleRssBytes,
      install: {
        bytes: componentBytes,
        seconds: median(own),
        commandSeconds: median(commands),
        curlSeconds: median(peer),
      },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** By the lines that the updater writes: it begins to download, and it switches when the slot is whole and verified. */
async function timedInstall(configuration: string): Promise<{ install: number; command: number }> {
  const begin = performance.now();
  const at = new Map<string, number>();
  const child = spawn(process.execPath, [program, 'check-now', '--config', configuration], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const lines = createInterface({ input: child.stderr });
  lines.on('line', (line) => {
    const phase = /\b(downloading|switching): /.exec(line)?.[1];
    if (phase !== undefined && !at.has(phase)) at.set(phase, performance.now());
  });
  const [status] = await once(child, 'exit');
  const [downloading, switching] = [at.get('downloading'), at.get('switching')];
  if (status !== 0 || downloading === undefined || switching === undefined) {
    throw new Error(`check-now ended with ${status}`);
  }
  return { install: (switching - downloading) / 1000, command: (performance.now() - begin) / 1000 };
}

/** The server of tests sends small pieces with a pause after each, so that kills come in between. */
function sendLargeChunks(edge: EdgeDevice): void {
  const { openBlob, blobs } = edge.server;
  edge.server.openBlob = async (digest, from, signal) => {
    const answer = await openBlob(digest, from, signal);
    const bytes = blobs.get(digest) ?? new Uint8Array();
    return { ...answer, body: chunksOf(bytes.subarray(answer.status === 206 ? from.offset : 0)) };
  };
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

function configure(edge: EdgeDevice, server: string, folder: string): string {
  mkdirSync(folder);
  const tokenFile = path.join(folder, 'enrolment-token');
  writeFileSync(tokenFile, enrolmentToken);
  const file = path.join(folder, 'edge.yaml');
  const health = { command: ['/bin/true'], timeoutSeconds: 5, intervalSeconds: 0.05, successes: 1, soakSeconds: 0 };
  writeFileSync(
    file,
    JSON.stringify({
      ...{ server, developmentAllowHttp: true, deviceId: 'd', product, platform: 'linux/amd64' },
      ...{ stateDir: path.join(folder, 'state'), trustedRoot: edge.rootFile, enrolment: { tokenFile } },
      service: { manager: 'exec', command: ['/bin/sleep', '5'], stopTimeoutSeconds: 1 },
      health,
    }),
  );
  return file;
}

async function inTurn(rounds: number, configuration: string): Promise<DeviceBench['status']> {
  const own: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds; round++) {
    bare.push(await secondsOf(['-e', '0']));
    own.push(await secondsOf([program, 'status', '--config', configuration]));
  }
  return { seconds: median(own), nodeSeconds: median(bare) };
}

async function secondsOf(args: readonly string[]): Promise<number> {
  const begin = performance.now();
  const child = spawn(process.execPath, args, { stdio: 'ignore' });
  const [status] = await once(child, 'exit');
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}`);
  return (performance.now() - begin) / 1000;
}

/** After its first check, and a while for what that left; the second start, in the environment that the unit gives it. */
async function idleRss(configuration: string): Promise<number> {
  await idleRssOnce(configuration);
  return idleRssOnce(configuration);
}

async function idleRssOnce(configuration: string): Promise<number> {
  const env = {
    ...process.env,
    CACHE_DIRECTORY: path.join(path.dirname(configuration), 'cache'),
    ...unitEnvironment(),
  };
  const child = spawn(process.execPath, [program, 'run', '--config', configuration], { stdio: 'ignore', env });
  try {
    await pause(settleMs);
    const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'latin1'))?.[1];
    return Number(kilobytes) * 1024;
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
}

/** `Environment=` of the unit that is shipped. */
function unitEnvironment(): Record<string, string> {
  const unit = readFileSync(path.join(root, 'infra/systemd/slipway-edge.service'), 'utf8');
  const [, assignments = ''] = /^Environment=(.*)$/m.exec(unit) ?? [];
  return Object.fromEntries(assignments.split(' ').map((assignment) => assignment.split(/=(.*)/).slice(0, 2)));
}

function linesOf({ status, idleRssBytes, install }: DeviceBench): string[] {
  const ms = (seconds: number) => `${Math.round(seconds * 1000)} ms`;
  const rate = (seconds: number) => `${Math.round(install.bytes / 1e6 / seconds)} MB/s`;
  const allowed = 3 * status.nodeSeconds + 0.06;
  const rows = [
    ['what', 'measured', 'target'],
    ['---', '---:', '---:'],
    ['`slipway-edge status`', ms(status.seconds), `${ms(allowed)}: 3 × \`node -e 0\` + 60 ms`],
    ['`node -e 0`', ms(status.nodeSeconds), ''],
    ['memory of a daemon that waits', `${Math.round(idleRssBytes / 1e6)} MB`, '80 MB'],
    ['a whole component of 60 MB, from the answer of the check to the switch', rate(install.seconds), ''],
    ['curl, sha256sum and sync on the same bytes', rate(install.curlSeconds), ''],
    ['ratio of the two', (install.curlSeconds / install.seconds).toFixed(2), '0.6'],
    [
      'the whole command `check-now`: start, enrolment, install, probation',
      `${install.commandSeconds.toFixed(2)} s`,
      '',
    ],
  ];
  return rows.map((row) => `| ${row.join(' | ')} |`);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
