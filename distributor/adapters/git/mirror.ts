/**
 * Keeps a bare copy of one branch of a Git repository in the state folder: brought up to date by fetching, read without
 * the network. Hooks, submodules, links and attributes of the repository have no effect here: only objects are read.
 */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SlipwayError } from '../../../contract/errors.ts';
import type { GitPlace } from '../../reconcile/source-place.ts';
import { authorizationOf } from './credentials.ts';
import { folderBytes, type GitBounds, type GitResult, reasonOf, runGit, tooLarge } from './program.ts';

export interface Commit {
  readonly id: string;
  /** `Name <address>` */
  readonly author: string;
  readonly subject: string;
  /** Milliseconds since 1970. */
  readonly committedAt: number;
}

/** One object that a tree names, at any depth. */
export interface TreeEntry {
  /** `120000` is a symbolic link, `160000` a submodule; see git-fast-import(1). */
  readonly mode: string;
  readonly object: string;
  /** Bytes; 0 for what is no file. */
  readonly size: number;
  /** With `/` between names, from the root of the repository. */
  readonly path: string;
}

type ObjectFormat = 'sha1' | 'sha256';
const otherThan = (format: ObjectFormat): ObjectFormat => (format === 'sha1' ? 'sha256' : 'sha1');

const head = 'refs/slipway/head';
/** The end of a line of `git ls-remote --exit-code` where no reference matches. */
const noMatchStatus = 2;
const passedOn = ['PATH', 'http_proxy', 'https_proxy', 'HTTPS_PROXY', 'no_proxy', 'NO_PROXY', 'TMPDIR'];

export class GitMirror {
  readonly #place: GitPlace;
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #bounds: GitBounds;
  /** Of a repository that is made; one that is there keeps its own. */
  #format: ObjectFormat = 'sha1';

  /** @param folder of this mirror alone; made when missing, made anew when broken */
  constructor(place: GitPlace, folder: string, env: NodeJS.ProcessEnv, bounds: GitBounds) {
    this.#place = place;
    this.#folder = folder;
    this.#bounds = bounds;
    this.#env = {
      ...Object.fromEntries(passedOn.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]))),
      LC_ALL: 'C',
      HOME: folder,
      GIT_DIR: path.join(folder, 'repository'),
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: path.join(folder, 'settings'),
      GIT_TERMINAL_PROMPT: '0',
      GIT_NO_REPLACE_OBJECTS: '1',
      // Submodules and alternates must not lead to other transports.
      GIT_ALLOW_PROTOCOL: new URL(place.url).protocol.slice(0, -1),
    };
  }

  /**
   * Brings the branch here.
   * @returns undefined when it is here, else what git said
   * @throws SlipwayError of runGit, `git-credentials-unreadable`, `io-error`
   */
  async fetch(): Promise<GitResult | undefined> {
    const result = await this.#fetch();
    // A repository of SHA-256 names its objects otherwise, and cannot be fetched into one of SHA-1.
    const isOther = result !== undefined && (await this.#formatOfServer()) === otherThan(this.#format);
    if (!isOther) return result;
    this.#format = otherThan(this.#format);
    await this.discard();
    return this.#fetch();
  }

  async #fetch(): Promise<GitResult | undefined> {
    await this.#prepare();
    const refspec = `+refs/heads/${this.#place.branch}:${head}`;
    const args = ['fetch', '--quiet', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head', '--no-auto-gc'];
    const call = { args: [...args, '--', this.#place.url, refspec], env: await this.#networkEnv() };
    try {
      const result = await runGit({ ...call, watched: this.#folder }, this.#bounds);
      if (result.status !== 0) return result;
      if ((await folderBytes(this.#folder)) > this.#bounds.maxMirrorBytes) {
        await this.discard();
        throw tooLarge(`the repository takes more than ${this.#bounds.maxMirrorBytes} bytes`);
      }
    } catch (error) {
      await this.#removeHalfReceived();
      throw error;
    }
    await this.#run(['gc', '--auto', '--quiet']);
    return undefined;
  }

  /** Whether what was fetched before is incomplete: after a disk fault, or a fetch that a power cut ended. */
  async isDamaged(): Promise<boolean> {
    const args = ['fsck', '--connectivity-only', '--no-dangling', '--no-progress'];
    return (await runGit({ args, env: this.#env }, this.#bounds)).status !== 0;
  }

  /** Forgets all that was fetched; the next fetch brings it anew. */
  async discard(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** By the length of the name of the branch's commit; undefined where the server does not tell one. */
  async #formatOfServer(): Promise<ObjectFormat | undefined> {
    const args = ['ls-remote', '--quiet', '--', this.#place.url, `refs/heads/${this.#place.branch}`];
    const { status, stdout } = await runGit({ args, env: await this.#networkEnv() }, this.#bounds);
    const name = stdout.toString('latin1').split('\t')[0] ?? '';
    if (status !== 0 || !/^[0-9a-f]+$/.test(name)) return undefined;
    return name.length === 64 ? 'sha256' : 'sha1';
  }

  /** Whether the server says, without an error, that it has no such branch. */
  async lacksBranch(): Promise<boolean> {
    const args = ['ls-remote', '--quiet', '--exit-code', '--', this.#place.url, `refs/heads/${this.#place.branch}`];
    return (await runGit({ args, env: await this.#networkEnv() }, this.#bounds)).status === noMatchStatus;
  }

  /** The commit that the branch was at when it was fetched last. */
  async commit(): Promise<Commit> {
    const format = '--format=%H%x00%an <%ae>%x00%s%x00%ct';
    const text = (await this.#run(['log', '-1', '--no-show-signature', format, head, '--'])).toString('utf8');
    const [id = '', author = '', subject = '', seconds = ''] = text.trimEnd().split('\0');
    return { id, author, subject, committedAt: Number(seconds) * 1000 };
  }

  /** Whether `descendant` builds on `ancestor`, or is it; false also where the ancestor is not known here any more. */
  async buildsOn(descendant: string, ancestor: string): Promise<boolean> {
    if (!/^[0-9a-f]{40,64}$/.test(ancestor)) return false;
    const args = ['merge-base', '--is-ancestor', ancestor, descendant];
    return (await runGit({ args, env: this.#env }, this.#bounds)).status === 0;
  }

  /** Everything at or below a path of a commit; empty when the commit has no such path. */
  async entries(commit: string, below: string): Promise<TreeEntry[]> {
    const args = ['ls-tree', '-r', '-z', '--long', '--full-tree', commit, ...(below === '' ? [] : ['--', below])];
    const text = (await this.#run(args)).toString('utf8');
    return text
      .split('\0')
      .filter((line) => line !== '')
      .map((line) => {
        const tab = line.indexOf('\t');
        const [mode = '', , object = '', size = ''] = line.slice(0, tab).split(/ +/);
        return { mode, object, size: size === '-' ? 0 : Number(size), path: line.slice(tab + 1) };
      });
  }

  /** The contents of files, in the order asked for. */
  async contents(entries: readonly TreeEntry[]): Promise<Buffer[]> {
    if (entries.length === 0) return [];
    const input = entries.map(({ object }) => `${object}\n`).join('');
    const output = await this.#run(['cat-file', '--batch'], input);
    let at = 0;
    return entries.map(({ size, object }) => {
      const heading = `${object} blob ${size}\n`;
      if (output.toString('latin1', at, at + heading.length) !== heading) {
        throw new SlipwayError('io-error', `expected ${size} bytes of ${object} from git cat-file`);
      }
      const start = at + heading.length;
      at = start + size + 1;
      return output.subarray(start, start + size);
    });
  }

  /** Settings are written anew each time: nothing that was put there stays in effect. */
  async #prepare(): Promise<void> {
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await writeFile(path.join(this.#folder, 'settings'), this.#settings(), { mode: 0o600 });
      const probe = await runGit({ args: ['rev-parse', '--is-bare-repository'], env: this.#env }, this.#bounds);
      if (probe.status === 0) {
        this.#format = (await this.#run(['rev-parse', '--show-object-format'])).toString('utf8').trim() as ObjectFormat;
        return;
      }
      await rm(path.join(this.#folder, 'repository'), { recursive: true, force: true });
    } catch (cause) {
      if (cause instanceof SlipwayError) throw cause;
      const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
      throw new SlipwayError('io-error', `${this.#folder} cannot be written: ${reason}`, { cause });
    }
    const format = `--object-format=${this.#format}`;
    await this.#run(['init', '--quiet', '--bare', format, path.join(this.#folder, 'repository')]);
  }

  #settings(): string {
    const { url } = this.#place;
    // Git refuses repositories of another user unless told that this one is meant.
    const trusted = url.startsWith('file:') ? `[safe]\n\tdirectory = ${JSON.stringify(fileURLToPath(url))}\n` : '';
    return `[http]
\tfollowRedirects = false
\tlowSpeedLimit = 100
\tlowSpeedTime = 30
[credential]
\thelper =
[core]
\tattributesFile = /dev/null
\thooksPath = /dev/null
[gc]
\tautoDetach = false
[fetch]
\twriteCommitGraph = false
[maintenance]
\tauto = false
${trusted}`;
  }

  /** The secret goes by environment to git alone, for the one address: never as an argument, never into a file. */
  async #networkEnv(): Promise<NodeJS.ProcessEnv> {
    const { credentialsFile, caFile, url } = this.#place;
    const secret = credentialsFile === undefined ? undefined : await authorizationOf(credentialsFile);
    return {
      ...this.#env,
      ...(caFile === undefined ? {} : { GIT_SSL_CAINFO: path.resolve(caFile) }),
      ...(secret === undefined
        ? {}
        : {
            GIT_CONFIG_COUNT: '1',
            GIT_CONFIG_KEY_0: `http.${url}.extraHeader`,
            GIT_CONFIG_VALUE_0: `Authorization: ${secret}`,
          }),
    };
  }

  async #run(args: readonly string[], input?: string): Promise<Buffer> {
    const result = await runGit({ args, env: this.#env, ...(input === undefined ? {} : { input }) }, this.#bounds);
    if (result.status === 0) return result.stdout;
    throw new SlipwayError('io-error', `git ${args[0]} failed in ${this.#folder}: ${reasonOf(result)}`, {
      hint: 'Check the disk; the folder may be removed, it is fetched again.',
    });
  }

  /** What a fetch that was killed had received so far. */
  async #removeHalfReceived(): Promise<void> {
    const folder = path.join(this.#folder, 'repository', 'objects', 'pack');
    for (const name of await readdir(folder).catch(() => [])) {
      if (name.startsWith('tmp_')) await rm(path.join(folder, name), { force: true });
    }
  }
}
