/**
 * `npm test`: lint, types, build, tests, in this order and each of them even when one before it failed, so that one
 * run shows everything. Ends with the plain line `N passed, N failed, N skipped`, where a failed step counts as one
 * failed test; the exit status is 0 only when nothing failed.
 *
 * Usage: test/run.ts [--long] [ARGUMENTS of vitest…]
 * SLIPWAY_FORBID_SKIPS=1 makes every skipped test a failure.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isOnPath } from './services/commands.ts';
import { installDebianPackages } from './services/debian-packages.ts';
import { countTotals, type Totals, totalsLine } from './totals.ts';

const root = path.dirname(import.meta.dirname);
const wishes = process.argv.slice(2);
const long = wishes.includes('--long');
const vitestArguments = wishes.filter((wish) => wish !== '--long');
const failures: string[] = [];

const missing = installDebianPackages(isOnPath, say);
if (missing !== undefined) say(`some tests will be skipped: ${missing}`);

step('lint', 'biome', ['check', '.']);
step('typecheck', 'tsc', ['--noEmit']);
step('build', process.execPath, [path.join(root, 'infra/build.ts')]);
const totals = runVitest();

const forbidden = process.env.SLIPWAY_FORBID_SKIPS === '1' ? totals.skipped : 0;
for (const name of totals.skippedNames) say(`skipped${forbidden > 0 ? ', which is forbidden here' : ''}: ${name}`);
for (const failure of failures) say(`failed: ${failure}`);
process.stdout.write(`${totalsLine({ ...totals, failed: totals.failed + failures.length })}\n`);
process.exitCode = totals.failed + failures.length + forbidden > 0 ? 1 : 0;

/** Runs one command with our terminal; a failure is remembered, not thrown. */
function step(name: string, command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): boolean {
  say(name);
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  if (result.status === 0) return true;
  const reason =
    result.error?.message ?? (result.signal ? `killed by ${result.signal}` : `exit status ${result.status}`);
  failures.push(`${name} (${reason})`);
  return false;
}

/** Vitest's own failure is in its totals; without a report, or with a clean one, the step itself is the failure. */
function runVitest(): Totals {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-report-'));
  try {
    const report = path.join(folder, 'report.json');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const services = { SLIPWAY_SERVICES: '1', SLIPWAY_LONG: long ? '1' : '0' };
    const ok = step('test', 'vitest', ['run', ...reporters, ...vitestArguments], services);
    const totals = countTotals(JSON.parse(readFileSync(report, 'utf8')));
    if (!ok && totals.failed > 0) failures.pop();
    if (ok && totals.passed + totals.failed === 0) failures.push('test (no test ran)');
    return totals;
  } catch (error) {
    failures.push(`the report of vitest (${error instanceof Error ? error.message : String(error)})`);
    return { passed: 0, failed: 0, skipped: 0, skippedNames: [] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
