/**
 * The units that we ship and those that adopting a box writes, before any systemd runs them: what they say has a meaning, and
 * how open they leave a machine.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { unitFilesOf } from '../../edge-updater/adoption/unit-files.ts';
import type { BoxRole } from '../../edge-updater/box/box.ts';
import { adoptionOf } from '../fakes/adopted-box.ts';
import { missingCommands } from '../services/commands.ts';
import { describeUnless } from '../services/requirement.ts';

const folder = path.join(import.meta.dirname, '..', '..', 'infra', 'systemd');
const units = readdirSync(folder);

/** The highest exposure that systemd-analyze may give, of 10. */
const mostExposed = { 'slipway-edge.service': 2, 'slipway-distributor.service': 2.5, 'slipway-refresh.service': 2.5 };

const actor = 'slipway-actor.service';
const mostExposedActor = 2.5;

const written = mkdtempSync(path.join(tmpdir(), 'slipway-units-'));
afterAll(() => rmSync(written, { recursive: true, force: true }));

function analyze(args: readonly string[], cwd = folder): string {
  const { stdout, stderr } = spawnSync('systemd-analyze', args, { cwd, encoding: 'utf8' });
  return stdout + stderr;
}

function complaintsAbout(unit: string, cwd?: string): string[] {
  const output = analyze(['verify', '--man=no', '--recursive-errors=no', `./${unit}`], cwd);
  // The programs are not installed on the machine that tests them.
  return output.split('\n').filter((line) => line !== '' && !/Command \S+ is not executable/.test(line));
}

function exposureOf(unit: string, cwd?: string): number {
  const output = analyze(['security', '--offline=true', '--no-pager', `./${unit}`], cwd);
  const exposure = /Overall exposure level for \S+: ([\d.]+)/.exec(output)?.[1];
  expect(exposure, output).toBeDefined();
  return Number(exposure);
}

/** The units of an adopted box, below a folder of this test. */
function writtenFor(role: BoxRole): string {
  const at = mkdtempSync(path.join(written, `${role}-`));
  const updater = {
    unit: 'slipway-edge.service',
    program: '/usr/local/bin/slipway-edge',
    configFile: '/etc/edge.yaml',
  };
  const files = unitFilesOf(
    { ...adoptionOf('/var/lib/rancher/k3s', '/etc/rancher/k3s/config.yaml'), role },
    '/var/lib/slipway/hold',
    updater,
  );
  for (const { name, text } of files) if (!name.includes('/')) writeFileSync(path.join(at, name), text);
  return at;
}

function loosened(at: string, unit: string, line: RegExp): string {
  const loose = mkdtempSync(path.join(written, 'loose-'));
  const text = readFileSync(path.join(at, unit), 'utf8');
  expect(text).toMatch(line);
  writeFileSync(path.join(loose, unit), text.replace(line, ''));
  return loose;
}

describeUnless(missingCommands('systemd-analyze'), 'the units of infra/systemd', () => {
  it.each(units)('%s says nothing that systemd does not understand', (unit) => {
    expect(complaintsAbout(unit)).toEqual([]);
  });

  it('has a limit for each service', () => {
    expect(Object.keys(mostExposed).sort()).toEqual(units.filter((unit) => unit.endsWith('.service')).sort());
  });

  it.each(Object.entries(mostExposed))('%s is exposed %f at most', (unit, limit) => {
    expect(exposureOf(unit)).toBeLessThanOrEqual(limit);
  });

  it('leave the updater more open where it has a capability again', () => {
    const loose = loosened(folder, 'slipway-edge.service', /^CapabilityBoundingSet=$/m);
    expect(exposureOf('slipway-edge.service', loose)).toBeGreaterThan(mostExposed['slipway-edge.service']);
  });
});

describeUnless(missingCommands('systemd-analyze'), 'the units of an adopted box', () => {
  it('say nothing that systemd does not understand', () => {
    const at = writtenFor('server');
    const names = readdirSync(at);
    expect(names.sort()).toEqual([actor, 'slipway-actor.socket', 'slipway-edge-boot.service']);
    // What is written for K3s is not on this machine.
    const complaints = names.flatMap((name) => complaintsAbout(name, at)).filter((line) => !/k3s\.service/.test(line));
    expect(complaints).toEqual([]);
  });

  it.each(['server', 'agent'] as const)('leave the actor of a %s no more open than it has to be', (role) => {
    expect(exposureOf(actor, writtenFor(role))).toBeLessThanOrEqual(mostExposedActor);
  });

  it.each([
    ['its capabilities are not named', /^CapabilityBoundingSet=.*$/m],
    ['its system calls are not filtered', /^SystemCallFilter=.*$/gm],
  ])('leave the actor more open where %s', (_, line) => {
    expect(exposureOf(actor, loosened(writtenFor('server'), actor, line))).toBeGreaterThan(mostExposedActor);
  });

  it('let the actor talk to this machine alone, where the API of the box is its own', () => {
    const unitOf = (role: BoxRole) => readFileSync(path.join(writtenFor(role), actor), 'utf8');
    expect(unitOf('controller+worker')).toMatch(/^IPAddressDeny=any\nIPAddressAllow=localhost$/m);
    expect(unitOf('worker')).not.toContain('IPAddress');
  });
});
