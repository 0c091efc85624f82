/**
 * `npm test`: lint, types, build, tests, in this order and each of them even when one before it failed, so that one
 * run shows everything. Ends with the plain line `N passed, N failed, N skipped`, where a failed step counts as one
 * failed test; the exit status is 0 only when nothing failed.
 *
 * Usage: test/run.ts [--wide | --long] [ARGUMENTS of vitest…]
 * --wide takes `*.wide.test.ts` and larger samples besides, as CI does; --long everything.
 * SLIPWAY_FORBID_SKIPS=1 makes every skipped test a failure.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isOnPath } from './services/commands.ts';
import { installDebianPackages, packagesOfLongTests, packagesOfTests } from './services/debian-packages.ts';
import { countTotals, type Totals, totalsLine } from './totals.ts';

const root = path.dirname(import.meta.dirname);
const wishes = process.argv.slice(2);
const long = wishes.includes('--long');
const wide = long || wishes.includes('--wide');
const vitestArguments = wishes.filter((wish) => wish !== '--long' && wish !== '--wide');
const failures: string[] = [];
/** Everything that tests leave behind is below this folder and goes with it. */
const temporary = mkdtempSync(path.join(tmpdir(), 'slipway-test-'));
// Servers that do not run as root pass through to their own folders in it.
chmodSync(temporary, 0o711);
const graceMs = 5_000;
let running: ChildProcess | undefined;
for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) process.on(signal, endWith);

const missing = installDebianPackages(long ? packagesOfLongTests : packagesOfTests, isOnPath, say);
if (missing !== undefined) say(`some tests will be skipped: ${missing}`);

await step('lint', 'biome', ['check', '.']);
await step('typecheck', 'tsc', ['--noEmit']);
const isBuilt = await step('build', process.execPath, [path.join(root, 'infra/build.ts')]);
const totals = await runVitest();
rmSync(temporary, { recursive: true, force: true });

const forbidden = process.env.SLIPWAY_FORBID_SKIPS === '1' ? totals.skipped : 0;
for (const name of totals.skippedNames) say(`skipped${forbidden > 0 ? ', which is forbidden here' : ''}: ${name}`);
if (!wide) say('npm test -- --wide runs as much as CI does, npm run test:long everything');
for (const failure of failures) say(`failed: ${failure}`);
process.stdout.write(`${totalsLine({ ...totals, failed: totals.failed + failures.length })}\n`);
process.exitCode = totals.failed + failures.length + forbidden > 0 ? 1 : 0;

/** Runs one command with our terminal; a failure is remembered, not thrown. */
async function step(
  name: string,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<boolean> {
  say(name);
  running = spawn(command, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  const reason = await endOf(running);
  running = undefined;
  if (reason !== undefined) failures.push(`${name} (${reason})`);
  return reason === undefined;
}

/** @returns undefined when it ended with status 0, else how it ended */
async function endOf(child: ChildProcess): Promise<string | undefined> {
  try {
    await once(child, 'exit');
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  if (child.signalCode !== null) return `killed by ${child.signalCode}`;
  return child.exitCode === 0 ? undefined : `exit status ${child.exitCode}`;
}

/** Who ends us ends the step: nothing goes on without us. */
async function endWith(signal: NodeJS.Signals): Promise<void> {
  say(`ended by ${signal}`);
  running?.kill(signal);
  if (running) await Promise.race([once(running, 'exit'), pause(graceMs)]);
  rmSync(temporary, { recursive: true, force: true });
  process.exit(128 + constants.signals[signal]);
}

/** Vitest's own failure is in its totals; without a report, or with a clean one, the step itself is the failure. */
async function runVitest(): Promise<Totals> {
  const report = path.join(temporary, 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const env = {
    ...{ SLIPWAY_SERVICES: '1', SLIPWAY_LONG: long ? '1' : '0', TMPDIR: temporary },
    SLIPWAY_WIDE: wide ? '1' : '0',
    SLIPWAY_BUILT: isBuilt ? '1' : '0',
    // Programs that tests start again and again are compiled once.
    NODE_COMPILE_CACHE: path.join(temporary, 'compiled'),
    // With a process on every core already, V8's threads beside each of them cost a tenth of all CPU time.
    NODE_OPTIONS: '--v8-pool-size=0',
  };
  const ok = await step('test', 'vitest', ['run', ...reporters, ...vitestArguments], env);
  try {
    const totals = countTotals(JSON.parse(readFileSync(report, 'utf8')));
    if (!ok && totals.failed > 0) failures.pop();
    if (ok && totals.passed + totals.failed === 0) failures.push('test (no test ran)');
    return totals;
  } catch (error) {
    failures.push(`the report of vitest (${error instanceof Error ? error.message : String(error)})`);
    return { passed: 0, failed: 0, skipped: 0, skippedNames: [] };
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
