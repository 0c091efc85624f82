/** The units that we ship, before any systemd runs them: what they say has a meaning, and how open they leave a machine. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { missingCommands } from '../services/commands.ts';
import { describeUnless } from '../services/requirement.ts';

const folder = path.join(import.meta.dirname, '..', '..', 'infra', 'systemd');
const units = readdirSync(folder);

/** The highest exposure that systemd-analyze may give, of 10. */
const mostExposed = { 'slipway-edge.service': 3, 'slipway-distributor.service': 2.5, 'slipway-refresh.service': 2.5 };

function analyze(...args: readonly string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { cwd: folder, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

describeUnless(missingCommands('systemd-analyze'), 'the units of infra/systemd', () => {
  it.each(units)('%s says nothing that systemd does not understand', (unit) => {
    const { output } = analyze('verify', '--man=no', '--recursive-errors=no', `./${unit}`);
    // The programs are not installed on the machine that tests them.
    const complaints = output.split('\n').filter((line) => line !== '' && !/Command \S+ is not executable/.test(line));
    expect(complaints).toEqual([]);
  });

  it('has a limit for each service', () => {
    expect(Object.keys(mostExposed).sort()).toEqual(units.filter((unit) => unit.endsWith('.service')).sort());
  });

  it.each(Object.entries(mostExposed))('%s is exposed %f at most', (unit, limit) => {
    const { output } = analyze('security', '--offline=true', '--no-pager', `./${unit}`);
    const exposure = /Overall exposure level for \S+: ([\d.]+)/.exec(output)?.[1];
    expect(exposure, output).toBeDefined();
    expect(Number(exposure)).toBeLessThanOrEqual(limit);
  });
});
