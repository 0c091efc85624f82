/**
 * Starts one of our scripts on Node 24 from a machine that has only Node 20 and npm: installs the locked packages when
 * they are missing or stale, then hands over. Plain JavaScript without packages, because nothing is there before it.
 *
 * Usage: node infra/bootstrap.mjs SCRIPT [ARGUMENTS…]
 * Everything it says goes to stderr; stdout, exit status and signals are the script's own.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** The lowest Node that runs our sources as they are. */
const lowestNode = [24, 15];
const lockPollMs = 200;

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const modules = path.join(root, 'node_modules');
const lockfile = path.join(root, 'package-lock.json');
const stamp = path.join(modules, '.slipway-lockfile');
const installLock = path.join(root, '.install.lock');

const [script, ...scriptArguments] = process.argv.slice(2);
if (!script) fail('usage: node infra/bootstrap.mjs SCRIPT [ARGUMENTS…]');

if (!isInstalled()) {
  await holdInstallLock();
  try {
    if (!isInstalled()) install();
  } finally {
    rmSync(installLock, { force: true });
  }
}
handOver(nodeForSources());

/** True when `node_modules` holds what the lockfile names, by our stamp or by npm's own record of what it installed. */
function isInstalled() {
  const wanted = lockfileDigest();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return true;
  if (!matchesNpmRecord()) return false;
  writeFileSync(stamp, wanted);
  return true;
}

function lockfileDigest() {
  return createHash('sha256').update(readFileSync(lockfile)).digest('hex');
}

/** npm writes `node_modules/.package-lock.json` last; optional packages of other platforms are absent from it. */
function matchesNpmRecord() {
  const record = path.join(modules, '.package-lock.json');
  if (!existsSync(record)) return false;
  const wanted = JSON.parse(readFileSync(lockfile, 'utf8')).packages;
  const found = JSON.parse(readFileSync(record, 'utf8')).packages;
  const complete = Object.entries(wanted).every(([place, entry]) => {
    const there = found[place];
    if (place === '') return true;
    return there ? there.version === entry.version && there.integrity === entry.integrity : entry.optional === true;
  });
  return complete && Object.keys(found).every((place) => place in wanted);
}

/** Waits while another living bootstrap installs into this folder. */
async function holdInstallLock() {
  let announced = false;
  while (!creates(installLock)) {
    const holder = lockHolder();
    if (holder !== undefined && !isAlive(holder)) {
      removeStaleLock(holder);
      continue;
    }
    if (!announced) say('waiting for another npm ci in this folder');
    announced = true;
    await pause(lockPollMs);
  }
}

/** The one who creates the claim on the dead holder may remove its lock; so a new holder's lock is never removed. */
function removeStaleLock(holder) {
  const claim = `${installLock}.claim-${holder}`;
  if (!creates(claim)) fail(`${claim} was left behind; remove it and ${installLock}`);
  if (lockHolder() === holder) unlinkSync(installLock);
  unlinkSync(claim);
}

function creates(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** Undefined where it has let go, or has not written its number yet. */
function lockHolder() {
  try {
    return Number(readFileSync(installLock, 'utf8')) || undefined;
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function install() {
  say(`installing the packages of package-lock.json (npm ci) in ${root}`);
  const npmScript = process.env.npm_execpath;
  const [command, before] = npmScript?.endsWith('.js') ? [process.execPath, [npmScript]] : ['npm', []];
  const flags = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = spawnSync(command, [...before, ...flags], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (npm.error || npm.status !== 0) {
    process.stderr.write(`${npm.stdout ?? ''}${npm.stderr ?? ''}`);
    rmSync(installLock, { force: true });
    fail(
      `npm ci failed: ${npm.error?.message ?? (npm.signal ? `killed by ${npm.signal}` : `exit status ${npm.status}`)}`,
    );
  }
  mkdirSync(modules, { recursive: true });
  writeFileSync(stamp, lockfileDigest());
}

/** The running Node if it is new enough, else the one that npm installed. */
function nodeForSources() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > lowestNode[0] || (major === lowestNode[0] && minor >= lowestNode[1])) return process.execPath;
  const brought = path.join(modules, `node-${process.platform}-${process.arch}`, 'bin', 'node');
  if (existsSync(brought)) return brought;
  return fail(
    `needs Node ${lowestNode.join('.')} or newer, found ${process.versions.node}, and npm brought none for ` +
      `${process.platform}-${process.arch} (${brought}). Install Node 24, or run npm ci without --omit=optional.`,
  );
}

function handOver(node) {
  const bins = path.join(modules, '.bin');
  const child = spawn(node, [path.resolve(root, script), ...scriptArguments], {
    stdio: 'inherit',
    env: { ...process.env, PATH: [path.dirname(node), bins, process.env.PATH].filter(Boolean).join(path.delimiter) },
  });
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
    // A terminal sends Ctrl-C to the script too; a second one would mean "now".
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY ? undefined : child.kill(signal)));
  }
  child.on('error', (error) => fail(`cannot start ${node}: ${error.message}`));
  child.on('exit', (status, signal) => {
    if (signal === null) process.exit(status ?? 1);
    process.exit(128 + constants.signals[signal]);
  });
}

function say(text) {
  process.stderr.write(`bootstrap: ${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}
