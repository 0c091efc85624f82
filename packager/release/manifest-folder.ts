/**
 * Finds the manifests of a folder by one rule: names that end in .yaml, .yml or .json in any case, in all folders
 * below, ordered by path. Links are followed while they stay inside; whatever else has such a name is refused.
 */
import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { SlipwayError } from '../../contract/errors.ts';
import { systemCode } from '../../system/files/system-code.ts';

/** The kernel gives up at as many (path_resolution(7)). */
const maxLinks = 40;

interface FoundManifests {
  /** Paths relative to the folder. */
  readonly files: readonly string[];
  /** One clause each: what lies there and is not taken. */
  readonly ignored: readonly string[];
}

/**
 * @param name of the component, for messages
 * @param declared the folder as release.yaml has it
 * @throws SlipwayError `component-unreadable` for a link that leads outside, in a circle or to nothing, and for what is
 *   neither file nor folder
 */
export async function findManifests(name: string, declared: string, folder: string): Promise<FoundManifests> {
  const walk = new Walk(name, declared, await realpath(folder));
  await walk.folder('', []);
  return walk.outcome();
}

function isManifestName(file: string): boolean {
  return /\.(ya?ml|json)$/i.test(file);
}

class Walk {
  readonly #name: string;
  readonly #declared: string;
  readonly #root: string;
  /** Real path by path. */
  readonly #files = new Map<string, string>();
  readonly #ignored: string[] = [];

  constructor(name: string, declared: string, root: string) {
    this.#name = name;
    this.#declared = declared;
    this.#root = root;
  }

  /** @param above real paths of the folders that this one lies in */
  async folder(relative: string, above: readonly string[]): Promise<void> {
    const real = await realpath(path.join(this.#root, relative));
    if (above.includes(real)) throw this.#refused(relative, 'leads back to a folder that it lies in');
    for (const entry of await readdir(real)) await this.#entry(path.join(relative, entry), [...above, real]);
  }

  outcome(): FoundManifests {
    const taken = new Map<string, string>();
    const ignored = [...this.#ignored];
    for (const file of [...this.#files.keys()].sort()) {
      const real = this.#files.get(file) ?? '';
      const first = taken.get(real);
      if (first === undefined) taken.set(real, file);
      else ignored.push(`${this.#shown(file)} is ${this.#shown(first)}, which is taken once`);
    }
    return { files: [...taken.values()], ignored };
  }

  async #entry(relative: string, above: readonly string[]): Promise<void> {
    const file = path.join(this.#root, relative);
    const isLink = (await lstat(file)).isSymbolicLink();
    const found = await stat(file).catch((error: unknown) => {
      if (!isLink) throw error;
      return undefined;
    });
    if (found?.isDirectory() !== true && !isManifestName(relative)) {
      this.#ignored.push(`${this.#shown(relative)} is ignored: its name ends neither in .yaml, .yml nor .json`);
      return;
    }
    if (isLink) await this.#requireInside(relative, file);
    if (found === undefined) throw this.#refused(relative, 'is a link that cannot be followed');
    if (found.isDirectory()) return this.folder(relative, above);
    if (!found.isFile()) throw this.#refused(relative, 'is neither a file nor a folder');
    this.#files.set(relative, await realpath(file));
  }

  /** Every hop of a chain is looked at: what is reached by a way outside depends on the machine. */
  async #requireInside(relative: string, link: string): Promise<void> {
    let at = path.join(await realpath(path.dirname(link)), path.basename(link));
    for (let hops = 0; ; hops++) {
      if (hops > maxLinks) throw this.#refused(relative, 'is a link that leads in a circle');
      const target = await readlink(at).catch((error: unknown) => {
        if (systemCode(error) === 'EINVAL' || systemCode(error) === 'ENOENT') return undefined;
        if (systemCode(error) === 'ELOOP') throw this.#refused(relative, 'is a link that leads in a circle');
        throw error;
      });
      if (target === undefined) break;
      const next = path.resolve(path.dirname(at), target);
      const parent = await realpath(path.dirname(next)).catch((error: unknown) => {
        if (systemCode(error) === 'ELOOP') throw this.#refused(relative, 'is a link that leads in a circle');
        return path.dirname(next);
      });
      at = path.join(parent, path.basename(next));
      if (!this.#isInside(at)) throw this.#refused(relative, `is a link that leads outside, to ${target}`);
    }
    const end = await realpath(link).catch(() => link);
    if (!this.#isInside(end)) throw this.#refused(relative, `is a link that leads outside, to ${end}`);
  }

  #isInside(file: string): boolean {
    return file === this.#root || file.startsWith(`${this.#root}${path.sep}`);
  }

  #refused(relative: string, why: string): SlipwayError {
    return new SlipwayError('component-unreadable', `${this.#name}: ${this.#shown(relative)} ${why}`, {
      hint: 'Put the manifest itself into the folder, or remove what is there by that name.',
    });
  }

  #shown(relative: string): string {
    return path.join(this.#declared, relative);
  }
}
