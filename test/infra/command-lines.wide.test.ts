/** The three programs speak alike on the command line: version, help, mistakes, failures, and how they end when told to. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitStatus } from '../../contract/exit-status.ts';
import { programVersion } from '../../system/command-line/program-version.ts';
import { type Called, callDistributor } from '../fakes/distributor-command.ts';
import { callEdge } from '../fakes/edge-command.ts';
import { callPackager } from '../fakes/packager-command.ts';
import { SignedRepository } from '../fakes/signed-repository.ts';

const root = path.join(import.meta.dirname, '../..');
const isBuilt = process.env.SLIPWAY_BUILT === '1';
const folder = mkdtempSync(path.join(tmpdir(), 'slipway-command-lines-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const rooms = { 'slipway-packager': 'packager', 'slipway-distributor': 'distributor', 'slipway-edge': 'edge-updater' };
type CommandName = keyof typeof rooms;
const nothing = path.join(folder, 'nothing');

/** What people start: the command that is built, or its source. */
function commandFile(name: CommandName): string {
  return path.join(root, isBuilt ? `dist/${name}.mjs` : `${rooms[name]}/start.ts`);
}

/** Of each program its name, a command that fails for what is not there, and one that lacks what it needs. */
const programs: [CommandName, string[], string[], RegExp][] = [
  [
    'slipway-packager',
    ['verify', nothing],
    ['publish', 'build', '--channel', 'stable'],
    /'--store <url>' not specified/,
  ],
  [
    'slipway-distributor',
    ['device', 'ls', '--state', nothing],
    ['apply', 'rollouts'],
    /'--server <url>' not specified/,
  ],
  ['slipway-edge', ['status', '--config', nothing], ['apply', 'old', 'delta'], /missing required argument 'out'/],
];

/** Of each verb, called in this process. */
const helps = new Map<CommandName, readonly Help[]>();
beforeAll(async () => {
  helps.set('slipway-packager', await helpsIn(callPackager));
  helps.set('slipway-distributor', await helpsIn(callDistributor));
  helps.set('slipway-edge', await helpsIn(callEdge));
});

describe.each(programs)('%s', (name, failing, lacking, lack) => {
  const run = (...words: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [commandFile(name), ...words], { encoding: 'utf8' });
    return { status, stdout, stderr };
  };
  const hint = `hint: See ${name} --help, or --help after a verb.\n`;

  it('says its version', () => {
    expect(run('--version')).toEqual({ status: exitStatus.ok, stdout: `${programVersion}\n`, stderr: '' });
  });

  it('names a wrong verb, and where help is', () => {
    const stderr = `error usage: unknown command 'launch'\n${hint}`;
    expect(run('launch')).toEqual({ status: exitStatus.usage, stdout: '', stderr });
    const json = run('launch', '--json');
    expect(json).toMatchObject({ status: exitStatus.usage, stderr });
    expect(JSON.parse(json.stdout)).toEqual({
      error: expect.objectContaining({ code: 'usage', message: "unknown command 'launch'" }),
    });
  });

  it('asks for a verb where there is none', () => {
    expect(run()).toEqual({ status: exitStatus.usage, stdout: '', stderr: `error usage: expected a verb\n${hint}` });
  });

  it('names what a verb lacks, and an option that it does not have', () => {
    const { status, stdout, stderr } = run(...lacking);
    expect([status, stdout]).toEqual([exitStatus.usage, '']);
    expect(stderr).toMatch(lack);
    expect(stderr.endsWith(hint)).toBe(true);
    const odd = run(...failing, '--fast');
    expect(odd).toEqual({
      status: exitStatus.usage,
      stdout: '',
      stderr: `error usage: unknown option '--fast'\n${hint}`,
    });
  });

  it('says why it failed: code, sentence and hint on stderr, and under --json the same in a line on stdout', () => {
    const plain = run(...failing);
    expect(plain.stdout).toBe('');
    expect(plain.stderr).toMatch(/^error [a-z-]+: .+\n(hint: .+\n)?$/);
    const json = run(...failing, '--json');
    expect(json).toMatchObject({ status: plain.status, stderr: plain.stderr });
    expect(json.stdout).toMatch(/^\{.*\}\n$/);
    const { error } = JSON.parse(json.stdout) as { error: { code: string; message: string; hint?: string } };
    const said = `error ${error.code}: ${error.message}\n${error.hint === undefined ? '' : `hint: ${error.hint}\n`}`;
    expect(plain.stderr).toBe(said);
  });

  it('ends quietly when nobody reads on', async () => {
    const child = spawn(process.execPath, [commandFile(name), '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    const [said, [status]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect([status, said]).toEqual([exitStatus.ok, '']);
  });

  it('prints the help of a verb as it does when it is called here', () => {
    const [verb = ''] = failing;
    const here = helps.get(name)?.find((help) => help.verb[0] === verb);
    expect(run(...(here?.verb ?? []), '--help')).toEqual({ status: exitStatus.ok, stdout: here?.stdout, stderr: '' });
  });

  it('ends the help of every verb with examples and exit statuses', () => {
    const found = helps.get(name) ?? [];
    expect(found.length).toBeGreaterThan(5);
    for (const { verb, status, stdout, stderr } of found) {
      expect([verb, status, stderr]).toEqual([verb, exitStatus.ok, '']);
      expect([verb, stdout]).toEqual([verb, expect.stringMatching(/\n {2}--json /)]);
      const example = new RegExp(`\nExamples:\n {2}\\$ ${name} ${verb.join(' ')}\\b`);
      expect([verb, stdout]).toEqual([verb, expect.stringMatching(example)]);
      const statuses = /\nExit status:\n {2}0 {2}done\n {2}1 {2}.+\n {2}2 {2}/;
      expect([verb, stdout]).toEqual([verb, expect.stringMatching(statuses)]);
    }
    expect(run('--help').stdout).toMatch(new RegExp(`\nExamples:\n {2}\\$ ${name} .*\n\nExit status:\n`, 's'));
  });
});

interface Help extends Called {
  readonly verb: readonly string[];
}

/** The help of every verb that a program names in its own, with those that stand below another. */
async function helpsIn(
  call: (words: readonly string[]) => Promise<Called>,
  verb: readonly string[] = [],
): Promise<Help[]> {
  const help = await call([...verb, '--help']);
  const [, list] = help.stdout.split('\nCommands:\n');
  if (list === undefined) return [{ verb, ...help }];
  const names = [...(list.split('\n\n')[0] ?? '').matchAll(/^ {2}([a-z-]+)/gm)].map(([, found = '']) => found);
  const below = names.filter((name) => name !== 'help').map((name) => helpsIn(call, [...verb, name]));
  return (await Promise.all(below)).flat();
}

describe.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('told to end by %s', (signal, expected) => {
  it('a packager removes its temporary files', { timeout: 60_000 }, async () => {
    const [scratch, old, next] = ['tmp', 'old', 'new'].map((name) => path.join(folder, `${signal}-${name}`)) as [
      string,
      string,
      string,
    ];
    mkdirSync(scratch);
    for (const file of [old, next]) writeFileSync(file, randomBytes(40_000_000));
    const words = ['delta', old, next, '--out', path.join(folder, 'out')];
    const child = start('slipway-packager', words, { TMPDIR: scratch });
    while (readdirSync(scratch).length === 0 && child.exitCode === null) await pause(5);
    expect(await endOf(child, signal)).toBe(expected);
    expect(readdirSync(scratch)).toEqual([]);
  });

  it('an operator waits for a server no longer', async () => {
    await using silent = await SilentServer.open();
    const token = path.join(folder, 'operator-token');
    writeFileSync(token, `slp_operator_${'x'.repeat(43)}`, { mode: 0o600 });
    const child = start('slipway-distributor', ['rollout', 'ls', '--server', silent.url, '--token-file', token]);
    await silent.isAsked(child);
    expect(await endOf(child, signal)).toBe(expected);
  });

  it('a device leaves a check', async () => {
    await using silent = await SilentServer.open();
    const configuration = path.join(folder, 'edge.yaml');
    writeFileSync(path.join(folder, 'root.json'), new SignedRepository(new Date()).root.bytes);
    const document = {
      ...{ deviceId: 'shop-1', product: 'shop', stateDir: path.join(folder, 'device') },
      ...{ server: silent.url, developmentAllowHttp: true },
      trustedRoot: path.join(folder, 'root.json'),
      service: { manager: 'exec', command: ['true'] },
      health: { command: ['true'] },
      enrolment: { tokenFile: path.join(folder, 'token') },
    };
    writeFileSync(configuration, JSON.stringify(document));
    writeFileSync(path.join(folder, 'token'), `slp_enrol_${'x'.repeat(43)}`);
    const child = start('slipway-edge', ['check-now', '--config', configuration]);
    await silent.isAsked(child);
    expect(await endOf(child, signal)).toBe(expected);
  });
});

function start(name: CommandName, words: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const env = { ...process.env, ...environment };
  return spawn(process.execPath, [commandFile(name), ...words], { stdio: 'ignore', env });
}

/** The exit status as a shell has it, which knows no other end by a signal. */
async function endOf(child: ChildProcess, signal: 'SIGINT' | 'SIGTERM'): Promise<number> {
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  child.kill(signal);
  const [status, by] = await ended;
  return status ?? 128 + (by === null ? 0 : constants.signals[by]);
}

/** Takes requests and answers none. */
class SilentServer implements AsyncDisposable {
  readonly #server = createServer(() => undefined);
  readonly #asked = once(this.#server, 'request');

  static async open(): Promise<SilentServer> {
    const opened = new SilentServer();
    await once(opened.#server.listen(0, '127.0.0.1'), 'listening');
    return opened;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async isAsked(by: ChildProcess): Promise<void> {
    await Promise.race([this.#asked, once(by, 'exit')]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
