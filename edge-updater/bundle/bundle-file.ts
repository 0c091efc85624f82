/**
 * Reads a bundle on the disk: a list of plain files by key. It reads twice: first the table, so that nothing is touched
 * before the whole archive has been seen, then the blobs that are wanted. It trusts nothing in it; nothing is ever
 * unpacked by name.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { extract } from 'tar-stream';
import { type BundleIndex, bundleIndexName, bundleIndexSchema, bundleMemberPattern } from '../../contract/bundle.ts';
import type { Digest } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { strictJson } from '../../contract/strict-json.ts';

export interface BundleTable {
  readonly index: BundleIndex;
  /** Metadata and manifests by their keys; a hostile bundle cannot make it larger than the limits of both. */
  readonly documents: ReadonlyMap<string, Uint8Array>;
  /** Lengths of its blobs. */
  readonly blobs: ReadonlyMap<Digest, number>;
}

type Take = (digest: Digest, length: number, content: AsyncIterable<Uint8Array>) => Promise<void>;

const blockBytes = 512;
const maxDocuments = 200;
const maxBlobs = limits.maxComponents * (limits.maxBlobsPerComponent + limits.maxDeltasPerComponent);

/** @throws SlipwayError `bundle-truncated`, `bundle-malformed`, `document-unreadable` */
export async function readTable(file: string): Promise<BundleTable> {
  await requireWhole(file);
  const documents = new Map<string, Uint8Array>();
  const blobs = new Map<Digest, number>();
  await eachMember(file, async (name, length, content) => {
    const isKnown = documents.has(name) || blobs.has(digestOf(name));
    if (isKnown) throw malformed(`${name} is there twice`);
    if (documents.size === 0 && name !== bundleIndexName) throw malformed(`it starts with ${name}`);
    if (isBlob(name)) {
      if (blobs.size >= maxBlobs) throw malformed(`it has more than ${maxBlobs} blobs`);
      blobs.set(digestOf(name), length);
      for await (const _ of content);
    } else {
      if (blobs.size > 0 || documents.size >= maxDocuments) throw malformed(`${name} stands in the wrong place`);
      documents.set(name, await collect(name, length, content));
    }
  });
  const index = parseIndex(documents.get(bundleIndexName));
  documents.delete(bundleIndexName);
  return { index, documents, blobs };
}

/** Hands over the wanted blobs in the order of the archive; their bytes have to be read to the end. */
export async function readBlobs(file: string, wanted: ReadonlySet<Digest>, take: Take): Promise<void> {
  await eachMember(file, async (name, length, content) => {
    if (isBlob(name) && wanted.has(digestOf(name))) await take(digestOf(name), length, content);
    else for await (const _ of content);
  });
}

async function eachMember(
  file: string,
  visit: (name: string, length: number, content: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  const tar = extract();
  const source = createReadStream(file, { highWaterMark: 256 * 1024 });
  source.on('error', (error) => tar.destroy(error));
  source.pipe(tar);
  try {
    for await (const entry of tar) {
      const { name, type, size = 0 } = entry.header;
      // Links lead out of any folder, devices are no data; neither is in a bundle.
      if (type !== 'file') throw malformed(`${JSON.stringify(name)} is no plain file but a ${type}`);
      if (name !== bundleIndexName && !bundleMemberPattern.test(name)) {
        throw malformed(`${JSON.stringify(name)} does not belong into a bundle`);
      }
      await visit(name, size, entry as unknown as AsyncIterable<Uint8Array>);
    }
  } catch (error) {
    if (error instanceof SlipwayError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    if (message === 'Unexpected end of data') throw truncated(file);
    throw malformed(`it is no tar archive (${message})`, error);
  } finally {
    source.destroy();
    tar.destroy();
  }
}

/** A tar ends with two blocks of zeros; one that was cut at the end of a member does not. */
async function requireWhole(file: string): Promise<void> {
  const end = Buffer.alloc(2 * blockBytes);
  try {
    await using handle = await open(file, 'r');
    const { size } = await handle.stat();
    const { bytesRead } = await handle.read(end, 0, end.length, Math.max(size - end.length, 0));
    if (size % blockBytes === 0 && bytesRead === end.length && end.every((byte) => byte === 0)) return;
  } catch (cause) {
    throw new SlipwayError('document-unreadable', `cannot read the bundle ${file}`, { cause });
  }
  throw truncated(file);
}

function parseIndex(bytes: Uint8Array | undefined): BundleIndex {
  try {
    const parsed = bundleIndexSchema.safeParse(strictJson(bytes));
    if (parsed.success) return parsed.data;
    throw malformed(`${bundleIndexName}: ${parsed.error.issues[0]?.message}`);
  } catch (error) {
    throw error instanceof SlipwayError ? error : malformed(`${bundleIndexName} is not JSON`, error);
  }
}

async function collect(name: string, length: number, content: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  if (length > limits.maxTargetsBytes) throw malformed(`${name} has ${length} bytes`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function isBlob(name: string): boolean {
  return name.startsWith('blobs/');
}

function digestOf(name: string): Digest {
  return path.posix.basename(name);
}

function truncated(file: string): SlipwayError {
  return new SlipwayError('bundle-truncated', `${path.basename(file)} ends before its archive does`, {
    hint: 'Copy the bundle again and compare its length with the original.',
  });
}

function malformed(why: string, cause?: unknown): SlipwayError {
  return new SlipwayError('bundle-malformed', `expected a bundle of slipway-packager, but ${why}`, {
    hint: 'Make it again with: slipway-packager bundle',
    ...(cause === undefined ? {} : { cause }),
  });
}
