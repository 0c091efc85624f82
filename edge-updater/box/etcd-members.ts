/**
 * Counts the members of an etcd by its own database, which is a bbolt file (`member/snap/db`): whether etcd runs or not, and
 * without its certificates. Two meta pages name the root of a tree of pages; of the bucket `members` the keys are counted.
 * Pure, over bytes: the file may change while it is read, and then nothing is told.
 */
import type { ByteSource } from '../../delta/byte-source.ts';

const magic = 0xed0cdaed;
const headerBytes = 16;
const flags = { branch: 0x01, leaf: 0x02 } as const;
const bucketFlag = 0x01;
/** An etcd has a handful of members and of buckets: more pages than this are no such file. */
const maxPages = 64;
const maxPageBytes = 64 * 1024;

/** Undefined where that cannot be told. */
export function membersIn(file: ByteSource): number | undefined {
  try {
    const count = new Bolt(file).keysOf('members');
    return count === 0 ? undefined : count;
  } catch (thrown) {
    if (thrown instanceof NoBolt || thrown instanceof RangeError) return undefined;
    throw thrown;
  }
}

class NoBolt extends Error {}

interface Page {
  readonly flags: number;
  readonly count: number;
  /** Bytes of the page with what overflows from it. */
  readonly bytes: DataView;
}

interface Entry {
  readonly key: string;
  /** Absent in a leaf. */
  readonly page: number | undefined;
  readonly isBucket: boolean;
  readonly value: DataView;
}

class Bolt {
  readonly #file: ByteSource;
  readonly #pageBytes: number;
  readonly #root: number;
  #pagesRead = 0;

  constructor(file: ByteSource) {
    this.#file = file;
    const first = this.#view(0, maxPageBytes);
    const pageBytes = first.getUint32(headerBytes + 8, true);
    if (first.getUint32(headerBytes, true) !== magic || pageBytes < 512 || pageBytes > maxPageBytes) throw new NoBolt();
    this.#pageBytes = pageBytes;
    const metas = [0, 1].map((page) => this.#view(page * pageBytes, pageBytes));
    const valid = metas.filter(isWhole);
    // Writers take turns at the two: the one of the latest transaction counts.
    const [newest] = valid.sort((a, b) => Number(transactionOf(b) - transactionOf(a)));
    if (!newest) throw new NoBolt();
    this.#root = numberAt(newest, headerBytes + 16);
  }

  keysOf(bucket: string): number {
    const found = [...this.#entries(this.#page(this.#root))].find(({ key, isBucket }) => isBucket && key === bucket);
    if (!found) throw new NoBolt();
    const root = numberAt(found.value, 0);
    // A small bucket lies inside its entry, as a page behind its header.
    const page = root === 0 ? pageIn(found.value, headerBytes) : this.#page(root);
    return [...this.#entries(page)].length;
  }

  *#entries(page: Page): Generator<Entry> {
    const isLeaf = (page.flags & flags.leaf) !== 0;
    if (!isLeaf && (page.flags & flags.branch) === 0) throw new NoBolt();
    for (let index = 0; index < page.count; index++) {
      const entry = isLeaf ? leafEntry(page.bytes, index) : branchEntry(page.bytes, index);
      if (entry.page === undefined) yield entry;
      else yield* this.#entries(this.#page(entry.page));
    }
  }

  #page(number: number): Page {
    if (++this.#pagesRead > maxPages) throw new NoBolt();
    const offset = number * this.#pageBytes;
    const overflow = this.#view(offset, headerBytes).getUint32(12, true);
    return pageIn(this.#view(offset, Math.min(overflow + 1, maxPages) * this.#pageBytes), 0);
  }

  /** As many of these bytes as there are. */
  #view(offset: number, length: number): DataView {
    const bytes = new Uint8Array(Math.min(length, Math.max(this.#file.length - offset, 0)));
    this.#file.readInto(bytes, offset);
    return new DataView(bytes.buffer);
  }
}

function pageIn(view: DataView, offset: number): Page {
  const bytes = new DataView(view.buffer, view.byteOffset + offset, view.byteLength - offset);
  return { flags: bytes.getUint16(8, true), count: bytes.getUint16(10, true), bytes };
}

function leafEntry(page: DataView, index: number): Entry {
  const at = headerBytes + index * 16;
  const keyAt = at + page.getUint32(at + 4, true);
  const [keyLength, valueLength] = [page.getUint32(at + 8, true), page.getUint32(at + 12, true)];
  const value = new DataView(page.buffer, page.byteOffset + keyAt + keyLength, valueLength);
  const isBucket = (page.getUint32(at, true) & bucketFlag) !== 0;
  return { key: textAt(page, keyAt, keyLength), page: undefined, isBucket, value };
}

function branchEntry(page: DataView, index: number): Entry {
  const at = headerBytes + index * 16;
  const key = textAt(page, at + page.getUint32(at, true), page.getUint32(at + 4, true));
  return { key, page: numberAt(page, at + 8), isBucket: false, value: page };
}

/** By its checksum, FNV-1a of 64 bits: one may be half written just now. */
function isWhole(meta: DataView): boolean {
  let hash = 0xcbf29ce484222325n;
  for (let at = 0; at < 56; at++) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(meta.getUint8(headerBytes + at))) * 0x100000001b3n);
  }
  return meta.getUint32(headerBytes, true) === magic && meta.getBigUint64(headerBytes + 56, true) === hash;
}

function transactionOf(meta: DataView): bigint {
  return meta.getBigUint64(headerBytes + 48, true);
}

/** Page numbers of a file that exists are far below 2^53. */
function numberAt(view: DataView, offset: number): number {
  return Number(view.getBigUint64(offset, true));
}

function textAt(view: DataView, offset: number, length: number): string {
  return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + offset, length));
}
