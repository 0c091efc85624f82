/**
 * Recognises containers and opens them, down to the files in them: k3s-shaped and k0s-shaped ELF files, airgap
 * tarballs, any gzip, zstd, ZIP, tar or ar on the way. What cannot be read or written again stays a leaf; nothing in
 * here can fail because an artifact is malformed.
 */

import { limits } from '../../../contract/limits.ts';
import type { ZstdEncoder } from '../../recipe/ports.ts';
import { unknownEncoder } from '../../recipe/recipe.ts';
import { isAr, readAr } from './ar.ts';
import { DeflateProbe } from './deflate-probe.ts';
import { elfLength } from './elf.ts';
import { compressedSections } from './elf-sections.ts';
import type { FileRange } from './file-source.ts';
import { type GzipHeader, gzipTrailerBytes, readGzipHeader } from './gzip.ts';
import { inflate, unpackZstd } from './inflate.ts';
import { glue, type Leaf, type LeafBody, leaf, type Piece } from './piece.ts';
import { nextMagic } from './scan.ts';
import type { Spool } from './spool.ts';
import { type Archive, isTarAt, readTar } from './tar.ts';
import { readZip, type Zip } from './zip.ts';
import { readZstdFrame, type ZstdFrame } from './zstd-frame.ts';
import { findZstdSettings } from './zstd-probe.ts';

/** Smaller containers are not worth a node of the recipe. */
const minContainerBytes = 4096;
/** Smaller files are left in the framing around them. */
const minLeafBytes = 32 * 1024;
/** Containers inside containers, tar and ZIP counted too. */
const maxNesting = 16;
/** Programs are cut open only for containers that make up this share: a program in one piece diffs better. */
const minEmbeddedShare = 1 / 4;
/** Compressed sections of a program are opened when together they make up this share. */
const minSectionsShare = 1 / 32;

/** A compressed stream that was recognised but stays as it is. */
export interface Unopened {
  readonly label: string;
  readonly length: number;
  readonly reason: 'encoder-unknown' | 'too-deep' | 'too-large' | 'too-many-parts';
}

/**
 * A `target` is opened only where it can be written again, and each stream is written to prove it. A `base` is only ever
 * taken apart, so whatever decodes is opened.
 */
export type Purpose = 'target' | 'base';

export interface OpenerPorts {
  readonly zstd: ZstdEncoder;
}

/** Some pieces, and how many bytes of the range they are. */
interface Opened {
  readonly pieces: readonly Piece[];
  readonly length: number;
}

interface Depth {
  readonly nesting: number;
  /** Compressed streams around; bounded by the limit of recipes. */
  readonly streams: number;
}

export class Opener {
  readonly unopened: Unopened[] = [];
  readonly #spool: Spool;
  readonly #ports: OpenerPorts;
  readonly #purpose: Purpose;
  readonly #deflate = new DeflateProbe();
  #nodes = 0;

  constructor(spool: Spool, ports: OpenerPorts, purpose: Purpose) {
    this.#spool = spool;
    this.#purpose = purpose;
    this.#ports = ports;
  }

  /** The pieces of an artifact. */
  open(range: FileRange, label: string): Promise<readonly Piece[]> {
    return this.#open(range, label, { nesting: 0, streams: 0 });
  }

  async #open(range: FileRange, label: string, depth: Depth): Promise<readonly Piece[]> {
    if (range.length < minContainerBytes || depth.nesting > maxNesting) return this.#plain(range, label);
    const program = elfLength(range);
    if (program !== undefined) {
      const body = await this.#openProgram(range.slice(0, program), label, depth);
      if (program === range.length) return body;
      return [...body, ...(await this.#openRest(range, program, label, depth))];
    }
    const first = await this.#openAt(range, 0, label, depth);
    if (first !== undefined) {
      if (first.length === range.length) return first.pieces;
      return [...first.pieces, ...(await this.#openRest(range, first.length, label, depth))];
    }
    const zip = readZip(range);
    return zip === undefined ? this.#plain(range, label) : this.#openZip(range, 0, zip, label, depth);
  }

  /** What follows a program or a container: a ZIP, or containers one after the other with gaps between. */
  async #openRest(range: FileRange, start: number, label: string, depth: Depth): Promise<readonly Piece[]> {
    const zip = readZip(range);
    if (zip !== undefined && zip.start >= start) return this.#openZip(range, start, zip, label, depth);
    const rest = range.slice(start);
    const pieces: Piece[] = [];
    let done = 0;
    for (let at: number | undefined = 0; at !== undefined; at = nextMagic(rest, at)) {
      const opened = await this.#openAt(rest, at, `${label}@${start + at}`, depth);
      if (opened === undefined) {
        at++;
        continue;
      }
      pieces.push(...this.#plain(rest.slice(done, at), `${label}@${start + done}`), ...opened.pieces);
      at += opened.length;
      done = at;
    }
    return [...pieces, ...this.#plain(rest.slice(done), `${label}@${start + done}`)];
  }

  /** A program, cut open where large containers are embedded; what is left of it stays one part. */
  async #openProgram(range: FileRange, label: string, depth: Depth): Promise<readonly Piece[]> {
    const minLength = Math.max(minContainerBytes, range.length * minEmbeddedShare);
    const body: LeafBody = { label };
    const part = (start: number, end: number): Leaf[] =>
      start < end ? [{ kind: 'leaf', label, body, range: range.slice(start, end) }] : [];
    const pieces: Piece[] = [];
    let done = 0;
    for (let at = nextMagic(range, 0); at !== undefined && range.length - at >= minLength; at = nextMagic(range, at)) {
      const opened = await this.#openAt(range, at, `${label}@${at}`, depth, minLength);
      if (opened === undefined) {
        at++;
        continue;
      }
      pieces.push(...part(done, at), ...opened.pieces);
      at += opened.length;
      done = at;
    }
    if (pieces.length === 0) return (await this.#openSections(range, label, depth)) ?? this.#plain(range, label);
    return [...pieces, ...part(done, range.length)];
  }

  /** A program with its compressed debug information cut out: of all sections that have such, or of none. */
  async #openSections(range: FileRange, label: string, depth: Depth): Promise<readonly Piece[] | undefined> {
    const sections = compressedSections(range);
    const compressedBytes = sections.reduce((sum, { length }) => sum + length, 0);
    const inner = { nesting: depth.nesting + 1, streams: depth.streams + 1 };
    if (compressedBytes < range.length * minSectionsShare || this.#refusal(inner) !== undefined) return undefined;
    const body: LeafBody = { label };
    const pieces: Piece[] = [];
    let done = 0;
    const rest = (end: number): Leaf => ({ kind: 'leaf', label, body, range: range.slice(done, end) });
    for (const { name, offset, length } of sections) {
      const stream = range.slice(offset, offset + length);
      const unpacked = await inflate(stream, this.#spool);
      if (typeof unpacked === 'string' || unpacked.length !== length) return undefined;
      const settings = this.#purpose === 'base' ? unknownEncoder : this.#deflate.find(unpacked.content, stream);
      if (settings === undefined) {
        this.unopened.push({ label: `${label}#${name}`, length: compressedBytes, reason: 'encoder-unknown' });
        return undefined;
      }
      const content = this.#plain(unpacked.content, `${label}#${name}`);
      pieces.push(rest(offset), { kind: 'deflate', settings, length, pieces: content });
      done = offset + length;
    }
    this.#nodes += sections.length + 1;
    return [...pieces, rest(range.length)];
  }

  /**
   * The container that begins at an offset, opened; undefined when there is none of at least `minLength` bytes.
   */
  async #openAt(
    range: FileRange,
    offset: number,
    label: string,
    depth: Depth,
    minLength = minContainerBytes,
  ): Promise<Opened | undefined> {
    const inner = { nesting: depth.nesting + 1, streams: depth.streams + 1 };
    const rest = range.slice(offset);
    const frame = readZstdFrame(rest, 0);
    if (frame !== undefined && frame.length >= minLength) return this.#openZstd(rest, frame, label, inner);
    const header = readGzipHeader(rest, 0);
    if (header !== undefined) return this.#openGzip(rest, header, label, inner, minLength);
    if (isTarAt(rest, 0)) return this.#openArchive(rest, readTar(rest), label, depth);
    return isAr(rest) ? this.#openArchive(rest, readAr(rest), label, depth) : undefined;
  }

  async #openZstd(range: FileRange, frame: ZstdFrame, label: string, inner: Depth): Promise<Opened | undefined> {
    const compressed = range.slice(0, frame.length);
    const unpacked = await unpackZstd(compressed, this.#spool);
    if (unpacked === 'malformed') return undefined;
    if (unpacked === 'too-large') return this.#keep(compressed, label, unpacked);
    const refused = this.#refusal(inner);
    if (refused !== undefined) return this.#keep(compressed, label, refused);
    const settings =
      this.#purpose === 'base'
        ? unknownEncoder
        : await findZstdSettings(unpacked.content, compressed, frame, this.#ports.zstd);
    if (settings === undefined) return this.#keep(compressed, label, 'encoder-unknown');
    this.#nodes++;
    const pieces = await this.#open(unpacked.content, `${label}#zstd`, inner);
    return { pieces: [{ kind: 'zstd', settings, length: compressed.length, pieces }], length: compressed.length };
  }

  async #openGzip(
    range: FileRange,
    header: GzipHeader,
    label: string,
    inner: Depth,
    minLength: number,
  ): Promise<Opened | undefined> {
    const unpacked = await inflate(range.slice(header.length), this.#spool);
    if (unpacked === 'malformed') return undefined;
    if (unpacked === 'too-large') {
      // Where it ends is not known, so it takes all there is; inside a program it is a chance hit.
      return minLength > minContainerBytes ? undefined : this.#keep(range, label, unpacked);
    }
    const end = header.length + unpacked.length;
    const length = Math.min(end + gzipTrailerBytes, range.length);
    if (length < minLength) return undefined;
    const inside = `${label}#gzip${header.name ? `(${header.name})` : ''}`;
    const pieces = await this.#openDeflated(range.slice(header.length, end), unpacked.content, inside, inner);
    return { pieces: [...glue(range.slice(0, header.length)), ...pieces, ...glue(range.slice(end, length))], length };
  }

  async #openDeflated(stream: FileRange, content: FileRange, label: string, inner: Depth): Promise<readonly Piece[]> {
    const refused = this.#refusal(inner);
    if (refused !== undefined) return this.#keep(stream, label, refused).pieces;
    const settings = this.#purpose === 'base' ? unknownEncoder : this.#deflate.find(content, stream);
    if (settings === undefined) return this.#keep(stream, label, 'encoder-unknown').pieces;
    this.#nodes++;
    const pieces = await this.#open(content, label, inner);
    return [{ kind: 'deflate', settings, length: stream.length, pieces }];
  }

  /** @param from where the pieces begin: bytes before the ZIP itself are a leaf or glue */
  async #openZip(range: FileRange, from: number, zip: Zip, label: string, depth: Depth): Promise<readonly Piece[]> {
    const pieces: Piece[] = [...this.#plain(range.slice(from, zip.start), label)];
    let done = zip.start;
    for (const member of zip.members) {
      const bytes = range.slice(member.offset, member.offset + member.length);
      const name = `${label}/${member.name}`;
      const opened = member.deflated
        ? await this.#openMember(bytes, name, depth)
        : await this.#open(bytes, name, { ...depth, nesting: depth.nesting + 1 });
      if (opened === undefined) continue;
      pieces.push(...glue(range.slice(done, member.offset)), ...opened);
      done = member.offset + member.length;
    }
    return [...pieces, ...glue(range.slice(done))];
  }

  async #openMember(bytes: FileRange, label: string, depth: Depth): Promise<readonly Piece[] | undefined> {
    if (bytes.length < minContainerBytes) return undefined;
    const unpacked = await inflate(bytes, this.#spool);
    if (unpacked === 'malformed') return this.#plain(bytes, label);
    if (unpacked === 'too-large') return this.#keep(bytes, label, unpacked).pieces;
    if (unpacked.length !== bytes.length) return this.#plain(bytes, label);
    const inner = { nesting: depth.nesting + 1, streams: depth.streams + 1 };
    return this.#openDeflated(bytes, unpacked.content, label, inner);
  }

  async #openArchive(range: FileRange, { files, end }: Archive, label: string, depth: Depth): Promise<Opened> {
    const pieces: Piece[] = [];
    let done = 0;
    for (const file of files) {
      if (file.length < minContainerBytes) continue;
      const bytes = range.slice(file.offset, file.offset + file.length);
      const name = `${label}/${file.name}`;
      pieces.push(...glue(range.slice(done, file.offset)));
      pieces.push(...(await this.#open(bytes, name, { ...depth, nesting: depth.nesting + 1 })));
      done = file.offset + file.length;
    }
    return { pieces: [...pieces, ...glue(range.slice(done, end))], length: end };
  }

  #plain(range: FileRange, label: string): readonly Piece[] {
    if (range.length < minLeafBytes || this.#nodes >= limits.maxRecipeParts - 1) return glue(range);
    this.#nodes++;
    return [leaf(label, range)];
  }

  #refusal(inner: Depth): Unopened['reason'] | undefined {
    if (inner.streams > limits.maxRecipeDepth) return 'too-deep';
    return this.#nodes >= limits.maxRecipeParts / 2 ? 'too-many-parts' : undefined;
  }

  /** A stream that stays compressed, and says so when that costs something. */
  #keep(range: FileRange, label: string, reason: Unopened['reason']): Opened {
    if (range.length >= minLeafBytes) this.unopened.push({ label, length: range.length, reason });
    return { pieces: this.#plain(range, label), length: range.length };
  }
}
