/** Runs the commands that README and docs show, as a reader would give them; a command that no test runs has a reason. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { type Called, callDistributor } from '../fakes/distributor-command.ts';
import { callEdge } from '../fakes/edge-command.ts';
import { callPackager } from '../fakes/packager-command.ts';
import { smallRelease } from '../fakes/signed-repository.ts';
import { SmallFleet } from '../fakes/small-fleet.ts';
import { blocksOf, inlineCommandsOf, unaccountedFor } from './page-blocks.ts';
import { deadLinksOf, unknownFilesOf } from './page-links.ts';

const root = path.join(import.meta.dirname, '..', '..');
const pages = ['.', 'docs', 'docs/decisions'].flatMap((folder) =>
  readdirSync(path.join(root, folder))
    .filter((name) => name.endsWith('.md') && name !== 'CHANGELOG.md')
    .map((name) => path.join(folder, name)),
);
const texts = new Map(pages.map((page) => [page, readFileSync(path.join(root, page), 'utf8')]));
const blocks = pages.flatMap((page) => blocksOf(page, texts.get(page) ?? ''));

const byHand = 'docs/publish.md / One release on one device';
const fromUpstream = 'docs/publish.md / Where a release is from';
const withKeys = 'docs/publish.md / The keys of a real fleet';
const everyDay = 'docs/publish.md / Sign again every day';
const warned = 'docs/keys.md / Look, and be warned in time';
const whereKeysLie = 'docs/keys.md / Where a key lies';
const signedByMany = 'docs/keys.md / A change goes from signer to signer';
const lostKey = 'docs/keys.md / A key is lost, or its holder leaves';
const newProduct = 'docs/keys.md / A new product, and permits';
const inGit = 'docs/roll-out.md / A plan in Git';
const operating = 'docs/operate.md / Ask and act';
/** Places whose commands run below. */
const runHere = [
  byHand,
  fromUpstream,
  withKeys,
  everyDay,
  warned,
  whereKeysLie,
  signedByMany,
  lostKey,
  newProduct,
  inGit,
  operating,
];

/** Places, or whole pages, whose blocks do not run below, each with the reason. */
const runElsewhere: Readonly<Record<string, string>> = {
  'README.md / Slipway': 'a picture',
  'README.md / See it work':
    'demo.wide.test.ts runs the demo and compares the transcript; `npm test -- --wide` runs this test',
  'ARCHITECTURE.md / What may import what': 'a picture',
  'docs/box.md': 'box.test.ts finds real units of stand-ins; the page shows an answer and a part of edge.yaml',
  'docs/devices.md / What a device requires':
    'required-origin.test.ts requires each of it; the page shows a part of edge.yaml',
  'docs/roll-out.md / What a rollout requires': 'safeguards.test.ts selects by a group such as this',
  'docs/publish.md / The K3s or K0s inside': 'distribution.test.ts states these members in release.yaml, and builds',
  'docs/devices.md / Adopting a K3s or K0s':
    'box-update.test.ts and k0s-update.test.ts run the verbs, as root of a machine with systemd',
  'docs/devices.md / Who touches the box':
    'box-update.test.ts has a box brought up so, by its unit, while no actor is there',
  'docs/people.md':
    'reach.test.ts has bound tokens, login.test.ts signs in, and bearers.test.ts reads the file of people',
  'docs/first-fleet.md': 'first-fleet.wide.test.ts runs the page as a whole and compares what it prints',
  'docs/decisions/0012-evidence-is-about-the-release.md / 12. Evidence is about the release':
    'a measurement of its day, which takes minutes',
};

const programs = [path.join(root, 'dist', 'bin'), path.join(root, 'node_modules', '.bin'), process.env.PATH].join(':');

async function run(script: string, cwd: string): Promise<string> {
  const options = { cwd, env: { ...process.env, PATH: programs }, timeout: 120_000 };
  const { stdout } = await promisify(execFile)('bash', ['-euc', script], options);
  return stdout;
}

/** The blocks of a place, in order; there is one at least. */
function commandsAt(place: string): [string, ...string[]] {
  const [first, ...more] = blocks.filter((block) => block.place === place && block.language === 'sh');
  if (first === undefined) throw new Error(`${place} has no block of commands`);
  return [first.text, ...more.map(({ text }) => text)];
}

function emptyFolder(): string {
  return mkdtempSync(path.join(tmpdir(), 'slipway-page-'));
}

let service: number | undefined;
afterEach(() => {
  if (service !== undefined) process.kill(service);
  service = undefined;
});

describe('the commands of the pages', () => {
  it('make, publish, verify and install a release by hand', async () => {
    const output = await run(commandsAt(byHand)[0], emptyFolder());
    service = Number(/service +pid (\d+)/.exec(output)?.[1]);
    expect(output).toContain('published shop/linux-amd64/1.0.0/release.json in stable');
    expect(output).toContain('store is sound');
    expect(output).toContain('1.0.0: committed');
    expect(service).toBeGreaterThan(1);
  });

  it('compare a release with upstream, and state who built it', async () => {
    const folder = emptyFolder();
    const output = await run(commandsAt(fromUpstream)[0], folder);
    expect(output).toContain('upstream: k3s is k3s of sha256sum-amd64.txt');
    expect(output).toContain('k3s.cdx.json: CycloneDX 1.6, 1 components');
    expect(output).toContain('built by https://ci.example.com/slipway, run run-7, 2 subjects');
    expect(output).toMatch(/provenance\.dsse\.json: signed by [0-9a-f]{12}/);
    expect(readdirSync(path.join(folder, 'papers')).sort()).toEqual([
      ...['k3s.cdx.json', 'provenance.dsse.json', 'sha256sum-amd64.txt'],
    ]);
  });

  it('make the keys and the repository of a real fleet, and sign it again', async () => {
    const output = await run(`${commandsAt(withKeys)[0]}\n${commandsAt(everyDay)[0]}`, emptyFolder());
    expect(output).toContain('repository for shop; devices pin root.json');
    expect(output).toContain('timestamp');
  });

  it('renew the keys of a real fleet, replace one and add a product', async () => {
    const places = [withKeys, warned, whereKeysLie, signedByMany, lostKey, newProduct];
    const output = await run(places.map((place) => commandsAt(place)[0]).join('\n'), emptyFolder());
    expect(output).toContain('root 1 becomes 2');
    expect(output).toContain('in force: root 2, targets 2');
    expect(output).toMatch(/root: the key [0-9a-f]{12} is revoked\nroot: the key [0-9a-f]{12} is added/);
    expect(output).toContain('a new role k0s-edge: 1 of the keys');
  });

  it('show how the demo runs on other servers', async () => {
    expect(await run('npm run --silent demo -- --help', root)).toContain('--old FILE');
  });

  it('declare rollouts in a Git repository, and accept the example', async () => {
    const [inFleet, fromTheRepository] = commandsAt(inGit);
    const who = 'export GIT_{AUTHOR,COMMITTER}_NAME=Ada GIT_{AUTHOR,COMMITTER}_EMAIL=ada@example.com\n';
    const output = await run(`${who}${inFleet}\ngit log --format=%s`, emptyFolder());
    for (const name of ['declaration', 'fleet', 'group', 'rollout']) {
      expect(output).toContain(`.schemas/${name}.schema.json\n`);
    }
    expect(output).toContain('0 Fleets, 1 Group, 1 Rollout: valid.\nshop-1-0, release 1.0.1, completed after ');
    expect(output).toMatch(/\nRoll the shop out in the north\n$/);
    await expect(run(fromTheRepository ?? 'false', root)).resolves.toBeDefined();
  });

  it('operate a rollout', async () => {
    await using small = await SmallFleet.open();
    await small.publish(smallRelease('2.0.0', 2));
    const token = await small.enrol('gate-17');
    await small.declare('shop-1-0', { release: '2.0.0', waves: [{ name: 'all', percent: 100, soak: '1h' }] });
    await small.check('gate-17', token);
    const output = await run(commandsAt(operating)[0], small.folder);
    expect(output).toContain('shop-1-0: k3s-edge 2.0.0 to every device of the product');
    expect(output).toContain('now: is offered an update (rollout-open)');
    expect(output).toMatch(/paused .*: waiting for the vendor\. \(command line/);
    expect(output).toMatch(/resumed +shop-1-0 2\.0\.0/);
  });

  it('are all run, here or elsewhere', () => {
    expect(unaccountedFor(blocks, [...runHere, ...Object.keys(runElsewhere)])).toEqual([]);
  });

  it('are missed where a page gets a block or loses one', () => {
    const added = blocksOf('docs/publish.md', '# Publish\n\n## On Mondays\n\n```sh\nslipway-packager launch\n```\n');
    expect(unaccountedFor(added, ['docs/publish.md / On Sundays'])).toEqual([
      'docs/publish.md / On Mondays',
      'docs/publish.md / On Sundays',
    ]);
  });
});

describe('the links and names of the pages', () => {
  const allPages = [...texts, ['CHANGELOG.md', readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8')] as const];

  it('lead to files, and to headings where they name one', () => {
    expect(allPages.flatMap(([page, text]) => deadLinksOf(page, text, readIfThere))).toEqual([]);
  });

  it('are caught where a file or a heading is gone', () => {
    const text =
      '[a](words.md), [b](gone.md), [c](words.md#the-end), [d](#here), [e](https://example.com).\n\n## Here\n';
    const files = new Map([['docs/words.md', '# Words\n\n## The start']]);
    expect(deadLinksOf('docs/a.md', text, (file) => files.get(file))).toEqual([
      'docs/a.md: gone.md',
      'docs/a.md: words.md#the-end',
    ]);
  });

  it('name source files that are there', () => {
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
      (file) => file.endsWith('.ts') && !file.startsWith('node_modules'),
    );
    const now = [...texts].filter(([page]) => !page.startsWith('docs/decisions'));
    expect(now.flatMap(([page, text]) => unknownFilesOf(page, text, files))).toEqual([]);
    expect(unknownFilesOf('a.md', '`b/c.ts`, `c.ts`, `d.ts` and `b/x-d.ts`', ['a/b/c.ts'])).toEqual(['a.md: d.ts']);
  });

  function readIfThere(file: string): string | undefined {
    const place = path.join(root, file);
    if (!existsSync(place)) return undefined;
    return file.endsWith('.md') ? readFileSync(place, 'utf8') : '';
  }
});

describe('a command in a sentence', () => {
  const commands = [...texts].flatMap(([page, text]) =>
    inlineCommandsOf(text).map((command) => ({ page, ...command })),
  );
  const calls: Record<string, (words: readonly string[]) => Promise<Called>> = {
    ...{ 'slipway-packager': callPackager, 'slipway-distributor': callDistributor, 'slipway-edge': callEdge },
  };

  it('names a verb and options that the program has', async () => {
    expect(commands.length).toBeGreaterThan(10);
    for (const { page, program, verbs, options } of commands) {
      const words = [program, ...verbs].join(' ');
      const { stdout: help = '' } = (await calls[program]?.([...verbs, '--help'])) ?? {};
      expect(help, `${page}: ${words}`).toContain(`Usage: ${words}`);
      for (const option of options) expect(help, `${page}: ${words} ${option}`).toContain(option);
    }
  });

  it('is read with its verbs and options', () => {
    const text =
      'Ask `slipway-distributor rollout show NAME --json\n--server URL`, not `slipway-edge`.\n```sh\nslipway-edge run\n```\n';
    expect(inlineCommandsOf(text)).toEqual([
      { program: 'slipway-distributor', verbs: ['rollout', 'show'], options: ['--json', '--server'] },
    ]);
  });
});
