/**
 * Slots on the disk: `slots/<manifest digest>/` with the release's files and its release.json, made out of sight as
 * `slots/.staging-<digest>/`; `current` and `previous` are relative links to them. A slot never changes once it has
 * its name. What a slot is for is not known here.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  createReadStream,
  fchmodSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  statfsSync,
} from 'node:fs';
import path from 'node:path';
import type { ByteSource } from '../../contract/byte-source.ts';
import type { InstalledRelease } from '../../contract/device-api/check.ts';
import { type Digest, digestSchema, sha256 } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { type Component, decodeManifest, type ReleaseManifest } from '../../contract/release/manifest.ts';
import type { SlotStore } from '../ports.ts';
import {
  asDiskError,
  exists,
  makeDirectory,
  moveInto,
  onDisk,
  readIfThere,
  remove,
  replaceFile,
  replaceLink,
  syncDirectory,
  writeAll,
} from './durable-file.ts';
import { openFileSource } from './file-source.ts';
import { isNoexec } from './mount-table.ts';

const manifestName = 'release.json';

export class SlotDirectory implements SlotStore {
  readonly #stateDirectory: string;
  readonly #slots: string;

  constructor(stateDirectory: string) {
    this.#stateDirectory = stateDirectory;
    this.#slots = path.join(stateDirectory, 'slots');
    makeDirectory(this.#slots, 0o755);
  }

  get currentLink(): Digest | undefined {
    return this.#linked('current');
  }

  get previousLink(): Digest | undefined {
    return this.#linked('previous');
  }

  get isNoexec(): boolean {
    return isNoexec(this.#slots);
  }

  slots(): Map<Digest, InstalledRelease> {
    const found = new Map<Digest, InstalledRelease>();
    for (const name of this.#names()) {
      const manifest = this.manifest(name);
      if (manifest) found.set(name, { version: manifest.version, counter: manifest.counter, manifestSha256: name });
    }
    return found;
  }

  manifest(slot: Digest): ReleaseManifest | undefined {
    const bytes = readIfThere(path.join(this.#slots, slot, manifestName));
    if (!bytes || sha256(bytes) !== slot) return undefined;
    return decodeManifest(bytes);
  }

  has(slot: Digest): boolean {
    return this.manifest(slot) !== undefined;
  }

  beginStaging(slot: Digest): void {
    remove(this.#staging(slot));
    makeDirectory(this.#staging(slot), 0o755);
  }

  async stage(slot: Digest, component: Component, content: AsyncIterable<Uint8Array>): Promise<void> {
    const file = path.join(this.#staging(slot), component.installPath);
    makeDirectory(path.dirname(file), 0o755);
    const hash = createHash('sha256');
    let length = 0;
    const descriptor = onDisk(`create ${file}`, () => openSync(file, 'wx', 0o600));
    try {
      for await (const chunk of content) {
        length += chunk.length;
        // A decoder that does not end would fill the disk.
        if (length > component.length) break;
        hash.update(chunk);
        onDisk(`write ${file}`, () => writeAll(descriptor, chunk));
      }
      if (length !== component.length) throw wrongLength(component, length);
      const found = hash.digest('hex');
      if (found !== component.sha256) throw wrongDigest(component, found);
      onDisk(`sync ${file}`, () => {
        fchmodSync(descriptor, Number.parseInt(component.mode, 8));
        fsyncSync(descriptor);
      });
    } finally {
      closeSync(descriptor);
    }
  }

  seal(slot: Digest, manifest: Uint8Array): void {
    const staging = this.#staging(slot);
    onDisk(`seal ${staging}`, () => {
      const descriptor = openSync(path.join(staging, manifestName), 'w', 0o644);
      try {
        writeAll(descriptor, manifest);
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
      for (const directory of directoriesBelow(staging)) syncDirectory(directory);
    });
    remove(path.join(this.#slots, slot));
    moveInto(staging, path.join(this.#slots, slot));
  }

  async verify(slot: Digest): Promise<void> {
    const root = path.join(this.#slots, slot);
    const manifest = this.manifest(slot);
    if (!manifest) throw new SlipwayError('digest-mismatch', `${root} has no release.json with the digest of its name`);
    const expected = new Map(manifest.components.map((component) => [component.installPath, component]));
    for (const file of filesBelow(root)) {
      // What no manifest names has no place in a slot (unlisted member).
      if (file !== manifestName && !expected.has(file)) {
        throw new SlipwayError('digest-mismatch', `${root} holds ${file}, which the manifest does not name`);
      }
    }
    for (const component of manifest.components) await verifyFile(path.join(root, component.installPath), component);
  }

  discard(slot: Digest): void {
    if (slot === this.currentLink) return;
    remove(path.join(this.#slots, slot));
    remove(this.#staging(slot));
  }

  fileOf(slot: Digest, component: Component): string {
    return path.join(this.#slots, slot, component.installPath);
  }

  open(slot: Digest, component: Component): ByteSource & { close(): void } {
    return openFileSource(this.fileOf(slot, component));
  }

  point({ current, previous }: { readonly current: Digest | undefined; readonly previous: Digest | undefined }): void {
    // `current` last: it alone decides what runs.
    for (const [name, slot] of [
      ['previous', previous],
      ['current', current],
    ] as const) {
      const link = path.join(this.#stateDirectory, name);
      if (slot === undefined) remove(link);
      else if (this.#linked(name) !== slot) replaceLink(link, path.join('slots', slot));
    }
  }

  prune(keep: readonly Digest[]): void {
    const inUse = new Set([...keep, this.currentLink, this.previousLink]);
    onDisk('clean up slots', () => {
      for (const name of readdirSync(this.#slots)) {
        if (!inUse.has(name)) remove(path.join(this.#slots, name));
      }
    });
  }

  freeBytes(): number {
    const { bavail, bsize } = onDisk('ask for free space', () => statfsSync(this.#slots));
    return bavail * bsize;
  }

  tryWriting(): void {
    const file = path.join(this.#stateDirectory, 'disk-probe');
    replaceFile(file, Buffer.from('written to see whether the disk takes it\n'));
    remove(file);
  }

  #staging(slot: Digest): string {
    return path.join(this.#slots, `.staging-${slot}`);
  }

  #names(): Digest[] {
    return readdirSync(this.#slots).filter((name) => digestSchema.safeParse(name).success);
  }

  #linked(name: 'current' | 'previous'): Digest | undefined {
    const link = path.join(this.#stateDirectory, name);
    if (!exists(link)) return undefined;
    try {
      const target = readlinkSync(link);
      const digest = path.basename(target);
      return path.dirname(target) === 'slots' && digestSchema.safeParse(digest).success ? digest : undefined;
    } catch {
      return undefined;
    }
  }
}

async function verifyFile(file: string, component: Component): Promise<void> {
  const stat = lstatSync(file, { throwIfNoEntry: false });
  // A link could point to a file that changes after it was read (time of check, time of use).
  if (!stat?.isFile()) throw new SlipwayError('digest-mismatch', `${file} is not a regular file`);
  if (stat.size !== component.length) throw wrongLength(component, stat.size);
  if ((stat.mode & 0o7777) !== Number.parseInt(component.mode, 8)) {
    throw new SlipwayError(
      'digest-mismatch',
      `${file} has mode ${(stat.mode & 0o7777).toString(8)}, expected ${component.mode}`,
    );
  }
  const hash = createHash('sha256');
  try {
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
    for await (const chunk of createReadStream(file, { fd: descriptor, highWaterMark: 1024 * 1024 }))
      hash.update(chunk);
  } catch (error) {
    throw asDiskError(`read ${file}`, error);
  }
  const found = hash.digest('hex');
  if (found !== component.sha256) throw wrongDigest(component, found);
}

/** The directory itself last. */
function directoriesBelow(directory: string): string[] {
  const inner = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...inner.flatMap((entry) => directoriesBelow(path.join(directory, entry.name))), directory];
}

/** Paths of everything that is not a directory, relative to `root`. */
function filesBelow(root: string, below = ''): string[] {
  return readdirSync(path.join(root, below), { withFileTypes: true }).flatMap((entry) => {
    const inner = path.join(below, entry.name);
    return entry.isDirectory() ? filesBelow(root, inner) : [inner];
  });
}

function wrongLength(component: Component, found: number): SlipwayError {
  return new SlipwayError(
    'length-mismatch',
    `${component.name}: expected ${component.length} bytes, found ${found > component.length ? 'more' : found}`,
  );
}

function wrongDigest(component: Component, found: Digest): SlipwayError {
  return new SlipwayError('digest-mismatch', `${component.name}: expected sha256 ${component.sha256}, found ${found}`);
}
