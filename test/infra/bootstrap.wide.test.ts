import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** A folder with our bootstrap, a script and one package that npm can install without a network. */
describe('the bootstrap', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'slipway-bootstrap-'));
    mkdirSync(path.join(root, 'infra'));
    copyFileSync(path.join(import.meta.dirname, '../../infra/bootstrap.mjs'), path.join(root, 'infra/bootstrap.mjs'));
    writePackages('dep');
    writeFileSync(path.join(root, 'script.mjs'), 'console.log(JSON.stringify(process.argv.slice(2)));');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const writeJson = (file: string, value: unknown) => writeFileSync(path.join(root, file), JSON.stringify(value));
  /** A package, a package.json that depends on it, and the lockfile that fits. */
  const writePackages = (dependency: string) => {
    const app = { name: 'app', version: '1.0.0', dependencies: { [dependency]: `file:${dependency}` } };
    mkdirSync(path.join(root, dependency));
    writeJson(`${dependency}/package.json`, { name: dependency, version: '1.0.0' });
    writeJson('package.json', app);
    const installed = { [`node_modules/${dependency}`]: { resolved: dependency, link: true } };
    const packages = { '': app, [dependency]: { version: '1.0.0' }, ...installed };
    writeJson('package-lock.json', { name: 'app', version: '1.0.0', lockfileVersion: 3, requires: true, packages });
  };
  const start = (...args: string[]) => {
    // Without the settings that an outer npm hands to its scripts: they name another folder.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')));
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    return spawn(process.execPath, ['infra/bootstrap.mjs', ...args], { cwd: root, env, stdio: [...stdio] });
  };
  const finish = async (child: ChildProcess) => {
    if (!child.stdout || !child.stderr) throw new Error('expected pipes');
    const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    return { stdout, stderr, status: status as number | null };
  };
  const run = (...args: string[]) => finish(start(...args));
  /** As the bootstrap leaves it after an install, so that what comes after one need not wait for npm. */
  const asInstalled = () => {
    mkdirSync(path.join(root, 'node_modules'));
    const digest = createHash('sha256')
      .update(readFileSync(path.join(root, 'package-lock.json')))
      .digest('hex');
    writeFileSync(path.join(root, 'node_modules/.slipway-lockfile'), digest);
  };
  const leftLocks = () => readdirSync(root).filter((name) => name.startsWith('.install'));

  it('installs what is missing, once, and passes arguments on with a clean stdout', async () => {
    const first = await run('script.mjs', '--json', 'two words');
    expect(first).toMatchObject({ status: 0, stdout: '["--json","two words"]\n' });
    expect(first.stderr).toContain('npm ci');
    expect(existsSync(path.join(root, 'node_modules/dep/package.json'))).toBe(true);
    expect(await run('script.mjs')).toEqual({ status: 0, stdout: '[]\n', stderr: '' });
    expect(leftLocks()).toEqual([]);
  });

  it('installs again when the lockfile names other packages', async () => {
    await run('script.mjs');
    writePackages('dep2');
    expect((await run('script.mjs')).stderr).toContain('npm ci');
    expect(readdirSync(path.join(root, 'node_modules'))).toContain('dep2');
  });

  it('takes over what npm itself installed from the same lockfile', async () => {
    await run('script.mjs');
    rmSync(path.join(root, 'node_modules/.slipway-lockfile'));
    expect(await run('script.mjs')).toMatchObject({ status: 0, stderr: '' });
  });

  it('installs once when two start at the same time', async () => {
    const both = await Promise.all([run('script.mjs', 'a'), run('script.mjs', 'b')]);
    expect(both.map(({ status, stdout }) => [status, stdout])).toEqual([
      [0, '["a"]\n'],
      [0, '["b"]\n'],
    ]);
    expect(both.filter(({ stderr }) => stderr.includes('installing'))).toHaveLength(1);
    expect(leftLocks()).toEqual([]);
  });

  it('goes on after an installer that died with the lock', async () => {
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    writeFileSync(path.join(root, '.install.lock'), String(dead));
    expect(await run('script.mjs')).toMatchObject({ status: 0, stdout: '[]\n' });
    expect(leftLocks()).toEqual([]);
  });

  it('shows the error of npm and starts nothing when the install fails', async () => {
    writeJson('package.json', { name: 'app', version: '1.0.0', dependencies: { dep: 'file:dep', other: '1.0.0' } });
    const result = await run('script.mjs');
    expect(result).toMatchObject({ status: 1, stdout: '' });
    expect(result.stderr).toMatch(/EUSAGE|in sync/);
    expect(result.stderr).toContain('npm ci failed');
    expect(leftLocks()).toEqual([]);
  });

  it('ends with the exit status of the script', async () => {
    asInstalled();
    writeFileSync(path.join(root, 'script.mjs'), 'process.exit(7);');
    expect((await run('script.mjs')).status).toBe(7);
    writeFileSync(path.join(root, 'script.mjs'), "process.kill(process.pid, 'SIGKILL');");
    expect((await run('script.mjs')).status).toBe(137);
    expect((await run()).status).toBe(1);
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('passes %s on and waits for the script to end', async (signal) => {
    asInstalled();
    writeFileSync(
      path.join(root, 'script.mjs'),
      `process.on('${signal}', () => { console.log('tidied up'); process.exit(3); }); setInterval(() => {}, 1000); console.log('ready');`,
    );
    const child = start('script.mjs');
    const ended = finish(child);
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    child.kill(signal);
    expect(await ended).toMatchObject({ status: 3, stdout: expect.stringContaining('tidied up') });
  });
});
