/**
 * Finds the members of a ZIP (APPNOTE 6.3.x, with ZIP64) by its central directory, also when bytes stand before it, as
 * behind an ELF. Positions only; names are labels.
 */
import type { FileRange } from '../file-source.ts';

const endBytes = 22;
const maxCommentBytes = 65_535;
const maxMembers = 200_000;

interface ZipMember {
  readonly name: string;
  /** Of the member's data, behind its local header. */
  readonly offset: number;
  readonly length: number;
  readonly deflated: boolean;
}

export interface Zip {
  /** Where the first local header stands. */
  readonly start: number;
  /** Behind the end record and its comment. */
  readonly end: number;
  /** In order of their offsets, not overlapping. */
  readonly members: readonly ZipMember[];
}

/** The ZIP that ends where the range ends; undefined when there is none that can be read. */
export function readZip(range: FileRange): Zip | undefined {
  const end = findEnd(range);
  if (end === undefined) return undefined;
  const directory = directoryOf(range, end);
  if (directory === undefined || directory.count > maxMembers) return undefined;
  // Offsets count from where the ZIP began when it was written; what was put before it shifts them all.
  const shift = directory.at - directory.declaredAt;
  const members: ZipMember[] = [];
  let start = directory.at;
  let at = directory.at;
  for (let i = 0; i < directory.count; i++) {
    const entry = range.read(at, 46);
    if (entry.length < 46 || entry.readUInt32LE(0) !== 0x02014b50) return undefined;
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((o) => entry.readUInt16LE(o)) as [
      number,
      ...number[],
    ];
    const variable = range.read(at + 46, nameBytes + (extraBytes ?? 0));
    if (variable.length < nameBytes + (extraBytes ?? 0)) return undefined;
    const name = variable.toString('utf8', 0, nameBytes);
    const sizes = sizesOf(entry, variable.subarray(nameBytes));
    at += 46 + nameBytes + (extraBytes ?? 0) + (commentBytes ?? 0);
    if (sizes === undefined) return undefined;
    const header = sizes.headerAt + shift;
    if (header < 0 || header + 30 > directory.at) return undefined;
    start = Math.min(start, header);
    const local = range.read(header, 30);
    if (local.readUInt32LE(0) !== 0x04034b50) return undefined;
    const offset = header + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
    if (offset + sizes.compressed > directory.at) return undefined;
    const method = entry.readUInt16LE(10);
    const encrypted = (entry.readUInt16LE(8) & 1) !== 0;
    if (sizes.compressed > 0 && !encrypted && (method === 0 || method === 8)) {
      members.push({ name, offset, length: sizes.compressed, deflated: method === 8 });
    }
  }
  members.sort((a, b) => a.offset - b.offset);
  // Overlapping members are how a small ZIP unpacks to a huge one.
  if (members.some((member, i) => i > 0 && member.offset < endOf(members[i - 1]))) return undefined;
  return { start, end: end.at + endBytes + end.comment, members };
}

function endOf(member: ZipMember | undefined): number {
  return member === undefined ? 0 : member.offset + member.length;
}

function findEnd(range: FileRange): { at: number; comment: number } | undefined {
  const tailAt = Math.max(0, range.length - endBytes - maxCommentBytes);
  const tail = range.read(tailAt, endBytes + maxCommentBytes);
  for (let at = tail.length - endBytes; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== 0x06054b50) continue;
    const comment = tail.readUInt16LE(at + 20);
    if (at + endBytes + comment === tail.length) return { at: tailAt + at, comment };
  }
  return undefined;
}

interface Directory {
  readonly at: number;
  readonly declaredAt: number;
  readonly count: number;
}

function directoryOf(range: FileRange, end: { at: number }): Directory | undefined {
  const record = range.read(end.at, endBytes);
  let count = record.readUInt16LE(10);
  let size = record.readUInt32LE(12);
  let declaredAt = record.readUInt32LE(16);
  let directoryEnd = end.at;
  if (count === 0xffff || size === 0xffffffff || declaredAt === 0xffffffff) {
    // ZIP64: a locator before the end record, its record (56 bytes, no extension) before that.
    const locator = end.at >= 76 ? range.read(end.at - 76, 76) : Buffer.alloc(0);
    if (locator.length < 76 || locator.readUInt32LE(0) !== 0x06064b50 || locator.readUInt32LE(56) !== 0x07064b50) {
      return undefined;
    }
    count = Number(locator.readBigUInt64LE(32));
    size = Number(locator.readBigUInt64LE(40));
    declaredAt = Number(locator.readBigUInt64LE(48));
    directoryEnd = end.at - 76;
  }
  const at = directoryEnd - size;
  return Number.isSafeInteger(declaredAt) && at >= 0 && declaredAt <= at ? { at, declaredAt, count } : undefined;
}

function sizesOf(entry: Buffer, extra: Buffer): { compressed: number; headerAt: number } | undefined {
  let compressed = entry.readUInt32LE(20);
  let headerAt = entry.readUInt32LE(42);
  const uncompressed = entry.readUInt32LE(24);
  if (compressed !== 0xffffffff && headerAt !== 0xffffffff && uncompressed !== 0xffffffff) {
    return { compressed, headerAt };
  }
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    let field = at + 4;
    const next = () => {
      if (field + 8 > extra.length) return Number.NaN;
      field += 8;
      return Number(extra.readBigUInt64LE(field - 8));
    };
    // Only the fields that overflowed are there, in this order.
    if (uncompressed === 0xffffffff) next();
    if (compressed === 0xffffffff) compressed = next();
    if (headerAt === 0xffffffff) headerAt = next();
    return Number.isSafeInteger(compressed) && Number.isSafeInteger(headerAt) ? { compressed, headerAt } : undefined;
  }
  return undefined;
}
