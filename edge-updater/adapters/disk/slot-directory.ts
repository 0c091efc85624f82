/**
 * Keeps slots on the disk: `slots/<manifest digest>/` with the release's files and its release.json, made out of sight
 * as `slots/.staging-<digest>/`; `current` and `previous` are relative links to them. A slot never changes once it has
 * its name; one that was damaged is replaced as a whole. What a slot is for is not known here.
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, fchmodSync, fsyncSync, openSync, readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import type { InstalledRelease } from '../../../contract/device-api/check.ts';
import { type Digest, digestSchema, sha256 } from '../../../contract/digest.ts';
import { SlipwayError, toSlipwayError } from '../../../contract/errors.ts';
import { type Component, decodeManifest, type ReleaseManifest } from '../../../contract/release/manifest.ts';
import type { ByteSource } from '../../../delta/byte-source.ts';
import {
  addName,
  exists,
  flushFolders,
  makeDirectory,
  moveInto,
  onDisk,
  readIfThere,
  remove,
  removeAll,
  replaceFileSync,
  replaceLink,
  syncDirectory,
  writeFully,
} from '../../../system/files/durable-file-sync.ts';
import type { SlotStore } from '../../ports.ts';
import { openReadOnly } from './file-source.ts';
import { isNoexec } from './mount-table.ts';
import { openFolders, openWay } from './reachable-slots.ts';
import { directoriesBelow, filesBelow, glanceAtFile, verifyFile, wrongDigest, wrongLength } from './slot-files.ts';

const manifestName = 'release.json';
const asidePrefix = '.replaced-';

export class SlotDirectory implements SlotStore {
  readonly #stateDirectory: string;
  readonly #slots: string;

  constructor(stateDirectory: string) {
    this.#stateDirectory = stateDirectory;
    this.#slots = path.join(stateDirectory, 'slots');
    makeDirectory(this.#stateDirectory, 0o711);
    makeDirectory(this.#slots, 0o755);
    this.#finishReplacing();
    openWay(this.#stateDirectory, this.#slots);
  }

  /** A kill while a slot was replaced may have left it without its name. */
  #finishReplacing(): void {
    for (const name of onDisk('list slots', () => readdirSync(this.#slots))) {
      if (!name.startsWith(asidePrefix)) continue;
      const named = path.join(this.#slots, name.slice(asidePrefix.length));
      if (!exists(named)) moveInto(path.join(this.#slots, name), named);
    }
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
        onDisk(`write ${file}`, () => writeFully(descriptor, chunk));
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

  share(slot: Digest, component: Component, whole: string): boolean {
    const file = path.join(this.#staging(slot), component.installPath);
    makeDirectory(path.dirname(file), 0o755);
    if (!addName(whole, file, component.length)) return false;
    onDisk(`set the mode of ${file}`, () => {
      const descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
      try {
        fchmodSync(descriptor, Number.parseInt(component.mode, 8));
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
    });
    return true;
  }

  seal(slot: Digest, manifest: Uint8Array): void {
    const staging = this.#staging(slot);
    onDisk(`seal ${staging}`, () => {
      const descriptor = openSync(path.join(staging, manifestName), 'w', 0o644);
      try {
        writeFully(descriptor, manifest);
        fchmodSync(descriptor, 0o644);
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
      openFolders(staging);
      for (const directory of directoriesBelow(staging)) syncDirectory(directory);
    });
    const named = path.join(this.#slots, slot);
    if (!exists(named)) {
      moveInto(staging, named);
      return;
    }
    // A damaged slot has files that are whole: it keeps them until the new one has its name.
    const aside = path.join(this.#slots, `${asidePrefix}${slot}`);
    remove(aside);
    moveInto(named, aside);
    moveInto(staging, named);
    remove(aside);
  }

  isThere(slot: Digest, component: Component): boolean {
    return problemIn(() => glanceAtFile(this.fileOf(slot, component), component)) === undefined;
  }

  async isIntact(slot: Digest, component: Component): Promise<boolean> {
    return verifyFile(this.fileOf(slot, component), component).then(
      () => true,
      () => false,
    );
  }

  glance(slot: Digest): string | undefined {
    return problemIn(() => {
      for (const component of this.#manifestOf(slot).components) {
        glanceAtFile(this.fileOf(slot, component), component);
      }
    });
  }

  async findDamage(slot: Digest): Promise<string | undefined> {
    try {
      for (const component of this.#manifestOf(slot).components) {
        await verifyFile(this.fileOf(slot, component), component);
      }
      return undefined;
    } catch (thrown) {
      return toSlipwayError(thrown).message;
    }
  }

  async verify(slot: Digest): Promise<void> {
    const root = path.join(this.#slots, slot);
    const manifest = this.#manifestOf(slot);
    const expected = new Map(manifest.components.map((component) => [component.installPath, component]));
    for (const file of filesBelow(root)) {
      // What no manifest names has no place in a slot (unlisted member).
      if (file !== manifestName && !expected.has(file)) {
        throw new SlipwayError('digest-mismatch', `${root} holds ${file}, which the manifest does not name`);
      }
    }
    for (const component of manifest.components) await verifyFile(path.join(root, component.installPath), component);
  }

  /** @throws SlipwayError `digest-mismatch` */
  #manifestOf(slot: Digest): ReleaseManifest {
    const manifest = this.manifest(slot);
    if (manifest) return manifest;
    const root = path.join(this.#slots, slot);
    throw new SlipwayError('digest-mismatch', `${root} has no release.json with the digest of its name`);
  }

  dropStaging(slot: Digest): void {
    remove(this.#staging(slot));
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
    return openReadOnly(this.fileOf(slot, component));
  }

  point({ current, previous }: { readonly current: Digest | undefined; readonly previous: Digest | undefined }): void {
    const left = this.currentLink;
    // A link lasts no longer than the name that it leads to.
    flushFolders([this.#slots, this.#stateDirectory]);
    // The way back takes no inode and no block: a full disk does not keep a release that fails.
    if (current !== undefined && current !== left && current === this.previousLink && previous !== left) {
      moveInto(path.join(this.#stateDirectory, 'previous'), path.join(this.#stateDirectory, 'current'));
    }
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
    const names = onDisk('list slots', () => readdirSync(this.#slots));
    removeAll(names.filter((name) => !inUse.has(name)).map((name) => path.join(this.#slots, name)));
  }

  tryWriting(): void {
    const file = path.join(this.#stateDirectory, 'disk-probe');
    replaceFileSync(file, Buffer.from('written to see whether the disk takes it\n'));
    remove(file);
  }

  #staging(slot: Digest): string {
    return path.join(this.#slots, `.staging-${slot}`);
  }

  #names(): Digest[] {
    return onDisk('list slots', () => readdirSync(this.#slots)).filter((name) => digestSchema.safeParse(name).success);
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

function problemIn(look: () => void): string | undefined {
  try {
    look();
    return undefined;
  } catch (thrown) {
    return toSlipwayError(thrown).message;
  }
}
