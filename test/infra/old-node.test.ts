/** On a Node that is too old a program says so in one line, before it loads anything else. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { exitStatus } from '../../contract/exit-status.ts';
import { bundleProgram } from '../../infra/bundle.ts';
import { lowestNode, whyNodeIsTooOld } from '../../system/command-line/node-version.ts';

const root = path.join(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'slipway-old-node-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs before the program: from then on this Node says that it is another. */
const saying = (version: string) =>
  `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'${version}'})`;

it.each([
  ['packager', 'slipway-packager'],
  ['distributor', 'slipway-distributor'],
  ['edge-updater', 'slipway-edge'],
])('%s says which Node it needs', async (room, name) => {
  // Alone in its folder: what it starts on the right Node is not there.
  const output = `${name}.mjs`;
  await bundleProgram({ entry: `${room}/start.ts`, output, executable: true }, root, folder);
  const run = (version: string) =>
    spawnSync(process.execPath, ['--import', saying(version), path.join(folder, output), 'status', '--json'], {
      encoding: 'utf8',
    });
  const old = run('20.19.2');
  expect(old.stderr).toBe(`${name} needs Node 24.15 or newer; this is Node 20.19.2.\n`);
  expect([old.status, old.stdout]).toEqual([exitStatus.localResource, '']);
  expect(run('24.15.0').stderr).toContain('ERR_MODULE_NOT_FOUND');
});

it.each([
  ['20.19.2', false],
  ['24.14.9', false],
  ['24.15.0', true],
  ['25.0.0', true],
])('Node %s is new enough: %s', (version, isNew) => {
  expect(whyNodeIsTooOld('x', version) === undefined).toBe(isNew);
});

it('what package.json and the bootstrap ask for is the same', () => {
  const { engines } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    engines: { node: string };
  };
  expect(engines.node).toBe(`>=${lowestNode.join('.')}`);
  const bootstrap = readFileSync(path.join(root, 'infra/bootstrap.mjs'), 'utf8');
  expect(bootstrap).toContain(`const lowestNode = [${lowestNode.join(', ')}];`);
});
