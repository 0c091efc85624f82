import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { gitBounds } from '../../../../distributor/adapters/git/program.ts';
import { gitSource } from '../../../../distributor/adapters/git/source.ts';
import type { GitPlace } from '../../../../distributor/reconcile/source-place.ts';
import { missingCommands } from '../../../services/commands.ts';
import { GitAuthor, GitServer, type GitServerOptions } from '../../../services/git-server.ts';
import { describeUnless } from '../../../services/requirement.ts';

const secret = 'correct horse';
const basic = `Basic ${Buffer.from(`robot:${secret}`).toString('base64')}`;
let folder: string;
let server: GitServer;
let author: GitAuthor;

const at = (...names: string[]) => path.join(folder, ...names);

async function startServer(options: GitServerOptions = {}): Promise<void> {
  server = await GitServer.start(at('served'), options);
  // Authors push by file, so that credentials matter to readers alone.
  author = await GitAuthor.open(at('author'), server.fileUrl);
}

function sourceOf(place: Partial<GitPlace> = {}, bounds = gitBounds) {
  const whole = { url: server.url, branch: 'main', path: '', pollSeconds: 1, credentialsFile: undefined };
  return gitSource({ ...whole, caFile: undefined, mirrors: at('state'), ...place }, process.env, bounds);
}

async function filesOf(source: ReturnType<typeof sourceOf>, applied?: string) {
  return (await source.read(applied)).files();
}

const code = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: { code: string }) => error.code,
  );

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'git-source-'));
});
afterEach(async () => {
  await server.down();
  await rm(folder, { recursive: true, force: true });
});

describeUnless(missingCommands('git'), 'declarations in Git', () => {
  it('are read over HTTP with the commit, its author and its subject', async () => {
    await startServer();
    const author = await GitAuthor.open(at('by-http'), server.url);
    const id = await author.push('Start with canaries\n\nA body.', {
      'a.yaml': 'a: 1',
      'deep/b.yml': 'b: 2',
      'c.txt': '',
    });
    const snapshot = await sourceOf().read(undefined);
    expect(snapshot).toMatchObject({
      revision: id,
      author: 'Ada Example <ada@example.com>',
      subject: 'Start with canaries',
      ancestry: 'builds-on',
    });
    expect(Math.abs((snapshot.committedAt ?? 0) - Date.now())).toBeLessThan(3600_000);
    expect(await snapshot.files()).toEqual([
      { name: 'a.yaml', text: 'a: 1' },
      { name: 'deep/b.yml', text: 'b: 2' },
    ]);
  });

  it('are read where objects are named by SHA-256, by HTTP and by file, and after the repository was made anew', async () => {
    server = await GitServer.start(at('served'), { objectFormat: 'sha256' });
    author = await GitAuthor.open(at('author'), server.fileUrl, 'sha256');
    const one = await author.push('one', { 'a.yaml': 'a: 1' });
    expect(one).toHaveLength(64);
    const source = sourceOf();
    expect(await source.read(undefined)).toMatchObject({ revision: one, ancestry: 'builds-on' });
    expect(await filesOf(sourceOf({ url: server.fileUrl, mirrors: at('by-file') }))).toEqual([
      { name: 'a.yaml', text: 'a: 1' },
    ]);
    const two = await author.push('two', { 'a.yaml': 'a: 2' });
    expect(await source.read(one)).toMatchObject({ revision: two, ancestry: 'builds-on' });

    await server.down();
    await rm(at('served'), { recursive: true });
    server = await GitServer.start(at('served'));
    const old = await GitAuthor.open(at('old-author'), server.fileUrl);
    const three = await old.push('three', { 'a.yaml': 'a: 3' });
    expect(await sourceOf({ url: server.fileUrl, mirrors: at('by-file') }).read(two)).toMatchObject({
      ...{ revision: three, ancestry: 'rewritten' },
    });
  });

  it('are read by file, also when another user owns the repository', async () => {
    await startServer();
    await author.push('one', { 'a.yaml': 'a: 1' });
    if (process.getuid?.() === 0) await chown(at('served', 'fleet.git'), 65534, 65534);
    expect(await filesOf(sourceOf({ url: server.fileUrl }))).toHaveLength(1);
  });

  it('follow a push, and only on their branch and below their path', async () => {
    await startServer();
    await author.push('one', { 'rollouts/a.yaml': 'a: 1', 'elsewhere/x.yaml': 'x: 1', 'rollouts2/y.yaml': '' });
    const source = sourceOf({ path: '/rollouts/' });
    const first = await source.read(undefined);
    expect(await first.files()).toEqual([{ name: 'rollouts/a.yaml', text: 'a: 1' }]);
    await author.push('on a branch', { 'rollouts/a.yaml': 'a: 2' }, 'topic');
    expect(await source.read(first.revision)).toMatchObject({ revision: first.revision, ancestry: 'same' });
    await author.push('three', { 'rollouts/a.yaml': 'a: 3' });
    const third = await source.read(first.revision);
    expect(third).toMatchObject({ subject: 'three', ancestry: 'builds-on' });
    expect(await third.files()).toEqual([{ name: 'rollouts/a.yaml', text: 'a: 3' }]);
  });

  it('say that history was rewritten, for an older head, another root and a commit nobody knows', async () => {
    await startServer();
    const one = await author.push('one', { 'a.yaml': 'a: 1' });
    const two = await author.push('two', { 'a.yaml': 'a: 2' });
    const source = sourceOf();
    expect(await source.read(one)).toMatchObject({ revision: two, ancestry: 'builds-on' });
    expect(await source.read('f'.repeat(40))).toMatchObject({ ancestry: 'rewritten' });
    await author.git('reset', '--quiet', '--hard', one);
    await author.pushHead('main', '--force');
    expect(await source.read(two)).toMatchObject({ revision: one, ancestry: 'rewritten' });
    await author.git('checkout', '--quiet', '--orphan', 'new');
    await author.git('commit', '--quiet', '--message', 'a new root');
    await author.pushHead('main', '--force');
    expect(await source.read(one)).toMatchObject({ subject: 'a new root', ancestry: 'rewritten' });
    expect(await source.read(`sha256:${'0'.repeat(64)}`)).toMatchObject({ ancestry: 'builds-on' });
  }, 60_000);

  it('are let in by a password or a token from a file that is read anew each time', async () => {
    await startServer({ authorizations: [basic, 'Bearer t0ken'] });
    await author.push('one', { 'a.yaml': 'a: 1' });
    const credentialsFile = at('credentials');
    const source = sourceOf({ credentialsFile });
    expect(await code(source.read(undefined))).toBe('git-credentials-unreadable');
    await writeFile(credentialsFile, 'robot:wrong\n');
    expect(await code(source.read(undefined))).toBe('git-credentials-refused');
    await writeFile(credentialsFile, `robot:${secret}\n`);
    expect(await filesOf(source)).toHaveLength(1);
    await writeFile(credentialsFile, 't0ken');
    expect(await filesOf(source)).toHaveLength(1);
    expect(await code(sourceOf().read(undefined))).toBe('git-credentials-refused');
  });

  it('never show the credentials in an error, nor leave them on the disk', async () => {
    await startServer({ authorizations: [] });
    await writeFile(at('credentials'), `robot:${secret}`);
    const source = sourceOf({ credentialsFile: at('credentials') });
    const error = await source.read(undefined).catch((thrown: Error) => thrown);
    const shown = [JSON.stringify(error), (error as Error).stack, source.location].join();
    const kept: string[] = [];
    for (const entry of await readdir(at('state'), { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) kept.push(await readFile(path.join(entry.parentPath, entry.name), 'latin1'));
    }
    for (const text of [secret, basic.slice(6)]) {
      expect(shown).not.toContain(text);
      expect(kept.join()).not.toContain(text);
    }
    expect(server.requests.some(({ authorization }) => authorization === basic)).toBe(true);
  });

  it('are not sent with their credentials to where a server redirects', async () => {
    await startServer({ authorizations: [basic] });
    await author.push('one', { 'a.yaml': 'a: 1' });
    const thief = await GitServer.start(at('thief'));
    server.redirectTo(`${thief.url}/info/refs?service=git-upload-pack`);
    await writeFile(at('credentials'), `robot:${secret}`);
    const error = await sourceOf({ credentialsFile: at('credentials') })
      .read(undefined)
      .catch((thrown) => thrown);
    await thief.down();
    expect(error).toMatchObject({ code: 'git-unreachable', message: expect.stringContaining(thief.url) });
    expect(thief.requests).toEqual([]);
  });

  it('are checked against the given certificate authority', async () => {
    const [cert, key] = [at('tls.crt'), at('tls.key')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '1'];
    const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert];
    await promisify(execFile)('openssl', ['req', '-x509', ...fresh, ...subject]);
    await startServer({ tls: { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') } });
    await author.push('one', { 'a.yaml': 'a: 1' });
    expect(await code(sourceOf().read(undefined))).toBe('git-unreachable');
    expect(await filesOf(sourceOf({ caFile: cert }))).toHaveLength(1);
  });

  it('have their codes for a server that is down, a branch and a path that are missing, and no repository', async () => {
    await startServer();
    await author.push('one', { 'rollouts/a.yaml': 'a: 1' });
    expect(await code(sourceOf({ branch: 'none' }).read(undefined))).toBe('git-branch-missing');
    expect(await code(filesOf(sourceOf({ path: 'none' })))).toBe('git-path-missing');
    expect(await code(sourceOf({ url: server.url.replace('fleet', 'none') }).read(undefined))).toBe('git-unreachable');
    expect(await code(sourceOf({ url: `file://${folder}/none` }).read(undefined))).toBe('git-unreachable');
    const source = sourceOf();
    const { revision } = await source.read(undefined);
    await server.down();
    expect(await code(source.read(revision))).toBe('git-unreachable');
    await server.up();
    expect(await source.read(revision)).toMatchObject({ ancestry: 'same' });
  });

  it('follow no symbolic link and enter no submodule', async () => {
    await startServer();
    await author.push('one', { 'a.yaml': 'a: 1', 'README.txt': '' });
    await author.link('docs/README.txt', '../README.txt');
    await author.link('folder', '/etc');
    const id = await author.head();
    await author.git('update-index', '--add', '--cacheinfo', `160000,${id},module`);
    await author.git('commit', '--quiet', '--message', 'a submodule');
    await author.push('links', { '.gitmodules': `[submodule "module"]\n\tpath = module\n\turl = file:///etc\n` });
    const source = sourceOf();
    expect(await filesOf(source)).toEqual([{ name: 'a.yaml', text: 'a: 1' }]);
    expect(await code(filesOf(sourceOf({ path: 'folder' })))).toBe('git-path-missing');
    expect(await code(filesOf(sourceOf({ path: 'module' })))).toBe('git-path-missing');
    await author.link('passwd.yaml', '/etc/passwd');
    await author.push('a link that looks like a rollout', {});
    const error = await filesOf(source).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'document-invalid', message: expect.stringContaining('passwd.yaml:1:1') });
  });

  it('are refused where a file is too large, or their number', async () => {
    await startServer();
    await author.push('one', { 'a.yaml': 'a: 1', 'image.bin': 'x'.repeat(3_000_000) });
    expect(await filesOf(sourceOf())).toHaveLength(1);
    await author.push('huge', { 'huge.yaml': `# ${'x'.repeat(1024 * 1024)}` });
    const error = await filesOf(sourceOf()).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'document-invalid', message: expect.stringContaining('huge.yaml') });
    const many = Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`many/${i}.yaml`, `a: ${i}`]));
    await author.push('many', { 'huge.yaml': undefined, ...many });
    expect(await code(filesOf(sourceOf()))).toBe('document-invalid');
  }, 180_000);

  it('are refused where the history would fill the disk', async () => {
    await startServer();
    await author.push('noise', { 'a.yaml': 'a: 1', 'noise.bin': randomBytes(4_000_000).toString('latin1') });
    const small = { ...gitBounds, maxMirrorBytes: 2_000_000 };
    expect(await code(sourceOf({ url: server.fileUrl }, small).read(undefined))).toBe('git-repository-too-large');
    expect(await filesOf(sourceOf({ path: 'a.yaml' }))).toHaveLength(1);
  }, 120_000);

  it('are fetched anew when the mirror was damaged', async () => {
    await startServer();
    await author.push('one', { 'a.yaml': 'a: 1' });
    const source = sourceOf();
    await source.read(undefined);
    for (const entry of await readdir(at('state'), { recursive: true, withFileTypes: true })) {
      if (entry.isFile() && entry.parentPath.includes('objects'))
        await writeFile(path.join(entry.parentPath, entry.name), '');
    }
    expect(await filesOf(source)).toHaveLength(1);
  });

  it('take nothing from the configuration of the machine or the repository', async () => {
    await startServer();
    await author.push('one', { 'a.yaml': 'a: 1', '.gitattributes': '*.yaml filter=evil' });
    const evil = at('evil');
    await writeFile(evil, `[url "file:///nowhere"]\n\tinsteadOf = ${server.url}\n`);
    const env = { ...process.env, GIT_CONFIG_GLOBAL: evil, HOME: folder, GIT_DIR: '/nowhere', GIT_TRACE: at('trace') };
    await writeFile(at('.gitconfig'), `[url "file:///nowhere"]\n\tinsteadOf = ${server.url}\n`);
    const place = { url: server.url, branch: 'main', path: '', pollSeconds: 1 };
    const source = gitSource({ ...place, credentialsFile: undefined, caFile: undefined, mirrors: at('state') }, env);
    expect(await (await source.read(undefined)).files()).toHaveLength(1);
    await expect(readFile(at('trace'))).rejects.toThrow();
  });

  it('call back by their poll', async () => {
    await startServer();
    await new Promise<void>((resolve) => {
      const stop = sourceOf().watch(() => {
        stop();
        resolve();
      });
    });
  });
});
