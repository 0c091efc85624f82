/** The three programs speak alike on the command line: version, help, mistakes, and failures for people and for programs. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { exitStatus } from '../../contract/errors.ts';
import { programVersion } from '../../system/command-line/program-version.ts';
import { SignedRepository } from '../fakes/signed-repository.ts';
import { type ProgramName, programFile } from '../services/program-files.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'slipway-command-lines-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Of each program its name, and a command that fails for what is not there. */
const programs: [ProgramName, string, string[]][] = [
  ['packager', 'slipway-packager', ['verify', path.join(folder, 'nothing')]],
  ['distributor', 'slipway-distributor', ['device', 'ls', '--state', path.join(folder, 'nothing')]],
  ['edge-updater', 'slipway-edge', ['status', '--config', path.join(folder, 'nothing')]],
];

describe.each(programs)('%s', (program, name, failing) => {
  const run = (...words: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [programFile(program), ...words], {
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  };

  it('says its version', () => {
    expect(run('--version')).toEqual({ status: exitStatus.ok, stdout: `${programVersion}\n`, stderr: '' });
  });

  it('names a mistake in its words, and where help is', () => {
    const hint = `hint: See ${name} --help, or --help after a verb.\n`;
    const wrong = run('launch');
    expect(wrong).toMatchObject({ status: exitStatus.usage, stdout: '' });
    expect(wrong.stderr).toBe(`error usage: unknown command 'launch'\n${hint}`);
    const { stdout, status } = run('launch', '--json');
    expect([status, JSON.parse(stdout)]).toMatchObject([exitStatus.usage, { error: { code: 'usage' } }]);
  });

  it('says why it failed for people on stderr, and as JSON on stdout', () => {
    const plain = run(...failing);
    expect(plain.stderr).toMatch(/^error [a-z-]+: .+\n(hint: .+\n)?$/);
    const { stdout, status } = run(...failing, '--json');
    expect(status).toBe(plain.status);
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
    expect(plain.stderr).toContain(`error ${error.code}: ${error.message}\n`);
  });
});

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('a device that is told to end by %s in the middle of a check ends with %i', async (signal, expected) => {
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const configuration = path.join(folder, 'edge.yaml');
  writeFileSync(path.join(folder, 'root.json'), new SignedRepository(new Date()).root.bytes);
  const document = {
    ...{ deviceId: 'shop-1', product: 'shop', stateDir: path.join(folder, 'device') },
    ...{ server: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`, developmentAllowHttp: true },
    trustedRoot: path.join(folder, 'root.json'),
    service: { manager: 'exec', command: ['true'] },
    health: { command: ['true'] },
    enrolment: { tokenFile: path.join(folder, 'token') },
  };
  writeFileSync(configuration, JSON.stringify(document));
  writeFileSync(path.join(folder, 'token'), `slp_enrol_${'x'.repeat(43)}`);
  const asked = once(silent, 'request');
  const words = [programFile('edge-updater'), 'check-now', '--config', configuration];
  const child = spawn(process.execPath, words, { stdio: 'ignore' });
  const ended = once(child, 'exit');
  await Promise.race([asked, ended]);
  child.kill(signal);
  expect(await ended).toEqual([expected, null]);
  silent.closeAllConnections();
  silent.close();
});
