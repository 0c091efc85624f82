import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { smallRelease } from '../fakes/signed-repository.ts';
import { SmallFleet } from '../fakes/small-fleet.ts';

const root = path.join(import.meta.dirname, '..', '..');
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
const [byHand, fromTheRepository, inGit, operating] = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].map(
  (match) => match[1] ?? '',
);
const programs = [path.join(root, 'dist', 'bin'), path.join(root, 'node_modules', '.bin'), process.env.PATH].join(':');

async function run(script: string, cwd: string): Promise<string> {
  const options = { cwd, env: { ...process.env, PATH: programs }, timeout: 120_000 };
  const { stdout } = await promisify(execFile)('bash', ['-euc', script], options);
  return stdout;
}

let service: number | undefined;
afterEach(() => {
  if (service !== undefined) process.kill(service);
  service = undefined;
});

describe('the commands of the README', () => {
  it('make, publish, verify and install a release by hand', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'slipway-readme-'));
    const output = await run(byHand ?? 'false', folder);
    service = Number(/service +pid (\d+)/.exec(output)?.[1]);
    expect(output).toContain('published shop/linux-amd64/1.0.0/release.json in stable');
    expect(output).toContain('store is sound');
    expect(output).toContain('1.0.0: committed');
    expect(service).toBeGreaterThan(1);
  });

  it('show how the demo runs on other servers', async () => {
    expect(await run('npm run --silent demo -- --help', root)).toContain('--old FILE');
  });

  it('declare rollouts in a Git repository', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'slipway-readme-'));
    const who = 'export GIT_{AUTHOR,COMMITTER}_NAME=Ada GIT_{AUTHOR,COMMITTER}_EMAIL=ada@example.com\n';
    const output = await run(`${who}${inGit ?? 'false'}\ngit log --format=%s`, folder);
    for (const name of ['declaration', 'fleet', 'group', 'rollout']) {
      expect(output).toContain(`.schemas/${name}.schema.json\n`);
    }
    expect(output).toContain('0 Fleets, 1 Group, 1 Rollout: valid.\nshop-1-0, release 1.0.1, completed after ');
    expect(output).toMatch(/\nRoll the shop out in the north\n$/);
  });

  it('operate a rollout', async () => {
    await using small = await SmallFleet.open();
    await small.publish(smallRelease('2.0.0', 2));
    const token = await small.enrol('gate-17');
    await small.declare('shop-1-0', { release: '2.0.0', waves: [{ name: 'all', percent: 100, soak: '1h' }] });
    await small.check('gate-17', token);
    const output = await run(operating ?? 'false', small.folder);
    expect(output).toContain('shop-1-0: k3s-edge 2.0.0 to every device of the product');
    expect(output).toContain('now: is offered an update (rollout-open)');
    expect(output).toMatch(/paused .*: waiting for the vendor\. \(command line/);
    expect(output).toMatch(/resumed +shop-1-0 2\.0\.0/);
  });

  it('accept the example rollout', async () => {
    await expect(run(fromTheRepository ?? 'false', root)).resolves.toBeDefined();
  });
});
