/**
 * Makes the Git repository that the demo's distributor follows: bare, as a server has it, and a clone that people work
 * in.
 */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const branch = 'main';
/** The folder of it that holds declarations. */
export const rolloutsPath = 'rollouts';

export class RolloutRepository {
  /** For `serve --rollouts-git`. */
  readonly url: string;
  readonly #clone: string;

  private constructor(bare: string, clone: string) {
    this.url = pathToFileURL(bare).href;
    this.#clone = clone;
  }

  /** Makes both in a folder, with a first commit that declares how the fleet goes about rollouts. */
  static async create(folder: string): Promise<RolloutRepository> {
    const bare = join(folder, 'rollouts.git');
    const repository = new RolloutRepository(bare, join(folder, 'rollouts-clone'));
    await mkdir(repository.#clone, { recursive: true });
    await git(folder, 'init', '--quiet', '--bare', `--initial-branch=${branch}`, bare);
    await repository.#git('init', '--quiet', `--initial-branch=${branch}`);
    await repository.#git('remote', 'add', 'origin', bare);
    const fleet = { apiVersion: 'slipway/v1', kind: 'Fleet', metadata: { name: 'demo' }, spec: {} };
    await repository.push('fleet.yaml', JSON.stringify(fleet), 'Declare the fleet');
    return repository;
  }

  /** Writes one file, commits and pushes it. @returns the commit */
  async push(name: string, text: string, subject: string): Promise<string> {
    const file = join(this.#clone, rolloutsPath, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
    await this.#git('add', '--all');
    await this.#git('commit', '--quiet', '--message', subject);
    await this.#git('push', '--quiet', 'origin', branch);
    return (await this.#git('rev-parse', 'HEAD')).trim();
  }

  #git(...words: string[]): Promise<string> {
    return git(this.#clone, ...words);
  }
}

/** Git as it is installed, without what its user configured: a demo must not sign, hook or ask. */
async function git(cwd: string, ...words: string[]): Promise<string> {
  const author = { NAME: 'Demo', EMAIL: 'demo@example.com' };
  const env = {
    ...process.env,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_AUTHOR_NAME: author.NAME,
    GIT_AUTHOR_EMAIL: author.EMAIL,
    GIT_COMMITTER_NAME: author.NAME,
    GIT_COMMITTER_EMAIL: author.EMAIL,
  };
  const { stdout } = await promisify(execFile)('git', words, { cwd, env });
  return stdout;
}
