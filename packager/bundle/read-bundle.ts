/**
 * Reads a bundle from front to back, once, keeping only its small members in memory. It is a list of plain files by
 * key: links, devices, folders, other names and second copies are refused, and nothing is ever unpacked to a disk.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { extract } from 'tar-stream';
import { type BundleIndex, bundleIndexName, bundleIndexSchema, bundleMemberPattern } from '../../contract/bundle.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { strictJson } from '../../contract/strict-json.ts';
import { diskError } from '../../system/files/durable-file.ts';

const blockBytes = 512;
/** A tar ends with two blocks of zeros. */
const endBytes = 2 * blockBytes;
const maxIndexBytes = 4096;
const maxSmallMembers = 200;

/** What a bundle carries before its blobs; not verified. */
export interface BundleHead {
  readonly index: BundleIndex;
  /** Metadata and the manifest by their store keys. */
  readonly members: ReadonlyMap<string, Uint8Array>;
}

interface BundleReader {
  /** Called once, before the first blob (or at the end of a bundle without one). */
  head(head: BundleHead): Promise<void>;
  /** @param digest from the member's name; `bytes` must be read to their end */
  blob(digest: string, length: number, bytes: AsyncIterable<Uint8Array>): Promise<void>;
}

/** @throws SlipwayError `bundle-truncated`, `bundle-malformed`, `io-error`, and what the reader throws */
export async function readBundle(file: string, reader: BundleReader): Promise<void> {
  await requireWholeTar(file);
  const tar = extract();
  const source = createReadStream(file, { highWaterMark: 1 << 18 });
  source.on('error', (error) => tar.destroy(error));
  source.pipe(tar);
  const members = new Map<string, Uint8Array>();
  const seen = new Set<string>();
  let started = false;
  try {
    for await (const entry of tar) {
      const { name, type, size = 0 } = entry.header;
      const bytes = entry as unknown as AsyncIterable<Uint8Array>;
      if (type !== 'file') throw malformed(`${JSON.stringify(name)} is no plain file but a ${type}`);
      if (name !== bundleIndexName && !bundleMemberPattern.test(name)) {
        throw malformed(`${JSON.stringify(name)} does not belong into a bundle`);
      }
      if (seen.has(name)) throw malformed(`${name} is there twice`);
      if (seen.size === 0 && name !== bundleIndexName) throw malformed(`it starts with ${name}`);
      seen.add(name);
      if (name.startsWith('blobs/')) {
        if (!started) await reader.head(headOf(members));
        started = true;
        await reader.blob(name.slice(name.lastIndexOf('/') + 1), size, bytes);
      } else {
        if (started || members.size >= maxSmallMembers) throw malformed(`${name} stands in the wrong place`);
        members.set(name, await collect(bytes, name, size));
      }
    }
  } catch (error) {
    source.destroy();
    if (error instanceof SlipwayError) throw error;
    const known = diskError(error, path.basename(file));
    throw known.code === 'internal' ? malformed('it is no tar archive', error) : known;
  }
  if (!started) await reader.head(headOf(members));
}

/** A cut file is told from a malformed one by its end, before anything is read. */
async function requireWholeTar(file: string): Promise<void> {
  try {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      const end = Buffer.alloc(endBytes);
      const { bytesRead } = await handle.read(end, 0, endBytes, Math.max(size - endBytes, 0));
      if (size % blockBytes === 0 && bytesRead === endBytes && end.every((byte) => byte === 0)) return;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw diskError(error, path.basename(file));
  }
  throw new SlipwayError('bundle-truncated', `${path.basename(file)} ends before its archive does`, {
    hint: 'Copy the bundle again and compare its length with the original.',
  });
}

function headOf(members: ReadonlyMap<string, Uint8Array>): BundleHead {
  const bytes = members.get(bundleIndexName);
  if (!bytes) throw malformed(`it has no ${bundleIndexName}`);
  let value: unknown;
  try {
    value = strictJson(bytes);
  } catch (cause) {
    throw malformed(`${bundleIndexName} is not JSON`, cause);
  }
  const parsed = bundleIndexSchema.safeParse(value);
  if (!parsed.success) throw malformed(`${bundleIndexName}: ${parsed.error.issues[0]?.message}`);
  return { index: parsed.data, members };
}

async function collect(bytes: AsyncIterable<Uint8Array>, name: string, size: number): Promise<Uint8Array> {
  const limit = name === bundleIndexName ? maxIndexBytes : limits.maxTargetsBytes;
  if (size > limit) throw malformed(`${name} has ${size} bytes, ${limit} allowed`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function malformed(why: string, cause?: unknown): SlipwayError {
  return new SlipwayError('bundle-malformed', `expected a bundle of slipway-packager, but ${why}`, {
    hint: 'Make it again with: slipway-packager bundle',
    cause,
  });
}
