/**
 * A disk as a power cut finds it: what was written, and what of it is sure to be there. A file's bytes and mode last when the
 * file is flushed, an entry when its folder is. A rename is one step for both of its folders, and the changes of one
 * folder last in their order, as with the journals of ext4, XFS and F2FS; between folders there is no order.
 */
import path from 'node:path';
import type { DiskChange, SeenFile } from './disk-change.ts';
import { VolatileFile } from './volatile-file.ts';

/**
 * What of the unflushed is there after the cut: nothing; all names and the old bytes (`noauto_da_alloc`), as empty files or
 * as files of zeros; all bytes of files whose names are there; for each folder and file the first of its changes, the
 * last write torn; or everything, as after a kill.
 */
export type Survival = 'nothing' | 'names' | 'names over zeros' | 'bytes' | 'some' | 'all';
export const survivals: readonly Survival[] = ['nothing', 'names', 'names over zeros', 'bytes', 'some', 'all'];

interface Link {
  readonly kind: 'link';
  readonly target: string;
}
type Entry = VolatileFile | Folder | Link;
class Folder {
  readonly kind = 'folder';
  readonly now = new Map<string, Entry>();
  kept = new Map<string, Entry>();
  mode: number;
  keptMode: number;

  constructor(mode: number) {
    this.mode = mode;
    this.keptMode = mode;
  }
}
/** One step of one or two folders. */
type Step = readonly { readonly folder: Folder; readonly name: string; readonly entry: Entry | undefined }[];

export class VolatileDisk {
  readonly #root: string;
  readonly #isFlushedByOthers: (file: string) => boolean;
  readonly #top = new Folder(0o700);
  readonly #handles = new Map<number, Entry>();
  #unflushed: Step[] = [];

  /**
   * @param seen what is there, all of it durable
   * @param isFlushedByOthers whether other programs flush what they write to a file or a folder
   */
  constructor(root: string, seen: readonly SeenFile[], isFlushedByOthers: (file: string) => boolean) {
    this.#root = root;
    this.#isFlushedByOthers = isFlushedByOthers;
    this.#see(seen);
    this.#flushAll(this.#top);
  }

  apply(change: DiskChange): void {
    switch (change.kind) {
      case 'make': {
        if (change.what === 'file' && this.#find(change.file)) return;
        const made = change.what === 'folder' ? new Folder(change.mode) : new VolatileFile(change.mode);
        this.#step([change.file, made]);
        break;
      }
      case 'link':
        this.#step([change.file, { kind: 'link', target: change.target }]);
        break;
      case 'name':
        this.#step([change.file, this.#find(change.from)]);
        break;
      case 'move':
        this.#step([change.from, undefined], [change.file, this.#find(change.from)]);
        break;
      case 'drop':
        if (this.#find(change.file)) this.#step([change.file, undefined]);
        break;
      case 'open': {
        const found = this.#find(change.file);
        if (found) this.#handles.set(change.handle, found);
        break;
      }
      case 'others':
        this.#see(change.trees);
        break;
      default:
        this.#changeOpen(change);
    }
  }

  /** The tree that is found when the power is back. @param random in [0, 1), for what survives in part */
  after(survival: Survival, random: () => number): SeenFile[] {
    const named = survival === 'some' ? this.#partOfNames(random) : undefined;
    const entriesOf = (folder: Folder) => {
      if (named) return named.get(folder) ?? folder.kept;
      return survival === 'nothing' || survival === 'bytes' ? folder.kept : folder.now;
    };
    const isNewMode = () => (survival === 'some' ? random() < 0.5 : survival !== 'nothing' && survival !== 'bytes');
    const below = (place: string, entry: Entry): SeenFile[] => {
      if (entry.kind === 'link') return [{ ...entry, file: place }];
      const mode = isNewMode() ? entry.mode : entry.keptMode;
      if (entry.kind === 'file') return [{ kind: 'file', file: place, mode, bytes: entry.after(survival, random) }];
      const inside = [...entriesOf(entry)].flatMap(([name, each]) => below(path.join(place, name), each));
      return [{ kind: 'folder', file: place, mode }, ...inside];
    };
    return below(this.#root, this.#top);
  }

  /** Whether it is there now, lasting or not. */
  isThere(file: string): boolean {
    return this.#find(file) !== undefined;
  }

  /** What a power cut that takes everything unflushed leaves there: where a link leads, or the text of a file. */
  lasting(file: string): string | undefined {
    const entry = this.#find(file, 'kept');
    if (entry?.kind === 'link') return entry.target;
    return entry?.kind === 'file' ? entry.lasting.toString('latin1') : undefined;
  }

  /** Whether all of a file or a folder lasts: bytes, and names in it that matter. Its own name is not looked at. */
  isWhole(file: string, matters: (name: string) => boolean = () => true): boolean {
    const whole = (entry: Entry): boolean => {
      if (entry.kind === 'link') return true;
      if (entry.kind === 'file') return entry.isFlushed;
      const isSame = [...entry.kept.keys()].every((name) => entry.now.has(name) || !matters(name));
      const found = [...entry.now].filter(([name]) => matters(name));
      return isSame && found.every(([name, each]) => entry.kept.get(name) === each && whole(each));
    };
    const found = this.#find(file);
    return found !== undefined && whole(found);
  }

  #changeOpen(change: Extract<DiskChange, { handle: number }>): void {
    const entry = this.#handles.get(change.handle);
    if (!entry || entry.kind === 'link') return;
    if (change.kind === 'mode') entry.mode = change.mode;
    else if (change.kind === 'flush' && entry.kind === 'folder') this.#flush(entry);
    else if (entry.kind === 'folder') return;
    else if (change.kind === 'flush') entry.flush();
    else if (change.kind === 'write') entry.write(change.at, change.bytes);
    else if (change.kind === 'cut') entry.cut(change.length);
  }

  #step(...changes: readonly (readonly [file: string, entry: Entry | undefined])[]): void {
    const step = changes.flatMap(([file, entry]) => {
      const folder = this.#find(path.dirname(file));
      return folder?.kind === 'folder' ? [{ folder, name: path.basename(file), entry }] : [];
    });
    for (const { folder, name, entry } of step) set(folder.now, name, entry);
    this.#unflushed.push(step);
  }

  /** Steps of this folder, and what has to come before them in the other folders of these steps. */
  #flush(folder: Folder): void {
    folder.keptMode = folder.mode;
    const wanted = new Set([folder]);
    const due: Step[] = [];
    for (const step of this.#unflushed.toReversed()) {
      if (!step.some((each) => wanted.has(each.folder))) continue;
      for (const each of step) wanted.add(each.folder);
      due.unshift(step);
    }
    for (const { folder: changed, name, entry } of due.flat()) set(changed.kept, name, entry);
    this.#unflushed = this.#unflushed.filter((step) => !due.includes(step));
  }

  /** The first steps of each folder; a step that does not last keeps all later ones of its folders from lasting. */
  #partOfNames(random: () => number): Map<Folder, Map<string, Entry>> {
    const stopped = new Set<Folder>();
    const named = new Map<Folder, Map<string, Entry>>();
    const chance = random();
    for (const step of this.#unflushed) {
      const isStopped = step.some(({ folder }) => stopped.has(folder)) || random() < chance;
      for (const { folder, name, entry } of step) {
        if (isStopped) stopped.add(folder);
        else set(named.get(folder) ?? named.set(folder, new Map(folder.kept)).get(folder), name, entry);
      }
    }
    return named;
  }

  #flushAll(folder: Folder): void {
    this.#unflushed = [];
    folder.kept = new Map(folder.now);
    folder.keptMode = folder.mode;
    for (const entry of folder.now.values()) {
      if (entry.kind === 'folder') this.#flushAll(entry);
      else if (entry.kind === 'file') entry.flush();
    }
  }

  /** Makes the changes that lead from what was there to what is seen. */
  #see(trees: readonly SeenFile[]): void {
    const seen = new Map(trees.map((each) => [each.file, each]));
    const changed = new Set<string>();
    for (const each of trees) {
      if (each.file !== this.#root && this.#seeOne(each)) changed.add(path.dirname(each.file));
      const found = this.#find(each.file);
      if (found?.kind !== 'folder') continue;
      for (const name of [...found.now.keys()]) {
        if (seen.has(path.join(each.file, name))) continue;
        this.#step([path.join(each.file, name), undefined]);
        changed.add(each.file);
      }
    }
    for (const folder of changed) {
      const found = this.#find(folder);
      if (found?.kind === 'folder' && this.#isFlushedByOthers(folder)) this.#flush(found);
    }
  }

  /** @returns whether its name is new */
  #seeOne(seen: SeenFile): boolean {
    const found = this.#find(seen.file);
    if (seen.kind === 'link') {
      if (found?.kind === 'link' && found.target === seen.target) return false;
      this.#step([seen.file, { kind: 'link', target: seen.target }]);
      return true;
    }
    if (found?.kind === seen.kind) {
      found.mode = seen.mode;
      if (seen.kind === 'file' && found.kind === 'file') this.#rewrite(found, seen);
      return false;
    }
    const made = seen.kind === 'folder' ? new Folder(seen.mode) : new VolatileFile(seen.mode);
    if (seen.kind === 'file' && made.kind === 'file') this.#rewrite(made, seen);
    this.#step([seen.file, made]);
    return true;
  }

  #rewrite(entry: VolatileFile, { file, bytes }: Extract<SeenFile, { kind: 'file' }>): void {
    if (entry.holds(bytes)) return;
    entry.cut(bytes.length);
    entry.write(0, bytes);
    if (this.#isFlushedByOthers(file)) entry.flush();
  }

  #find(file: string, when: 'now' | 'kept' = 'now'): Entry | undefined {
    const parts = path.relative(this.#root, file).split(path.sep).filter(Boolean);
    let entry: Entry | undefined = this.#top;
    for (const part of parts) entry = entry?.kind === 'folder' ? entry[when].get(part) : undefined;
    return entry;
  }
}

function set(entries: Map<string, Entry> | undefined, name: string, entry: Entry | undefined): void {
  if (entry) entries?.set(name, entry);
  else entries?.delete(name);
}
