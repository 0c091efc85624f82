/**
 * Turns one component into one stored blob: hashed and compressed in one pass, whatever its length. zstd where that
 * saves at least a twentieth, else the bytes as they are (K3s and airgap tarballs are compressed already).
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import type { Digest } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import type { Blob } from '../../contract/release/manifest.ts';
import { blobKey } from '../../contract/store-keys.ts';
import { diskError, makeFolder, replaceFile, syncFile } from '../../system/files/durable-file.ts';
import { systemCode } from '../../system/files/system-code.ts';
import type { ComponentSource } from './component-source.ts';

/** Fixed, since other parameters are other bytes. */
const zstdParameters = {
  [constants.ZSTD_c_compressionLevel]: 12,
  [constants.ZSTD_c_windowLog]: limits.maxZstdWindowLog,
  [constants.ZSTD_c_checksumFlag]: 1,
};
const worthwhileRatio = 0.95;

interface PackedComponent {
  readonly length: number;
  readonly sha256: Digest;
  readonly blob: Blob;
}

/** A zstd stream with the parameters that every blob has. @param length bytes that will go in */
function zstdEncoder(length: number) {
  return createZstdCompress({ params: zstdParameters, pledgedSrcSize: length });
}

/** True when compressing `from` bytes to `to` is worth the work of undoing it. */
function isWorthwhile(from: number, to: number): boolean {
  return to < from * worthwhileRatio;
}

/**
 * Packs a component into `folder`/blobs/….
 * @param onBytes called with the count of source bytes read
 * @throws SlipwayError `component-unreadable` when the source changes meanwhile, `disk-full`, `io-error`
 */
export async function packComponent(
  name: string,
  source: ComponentSource,
  folder: string,
  onBytes: (count: number) => void,
): Promise<PackedComponent> {
  const temporary = path.join(folder, `.${name}.zst.tmp`);
  await makeFolder(folder);
  try {
    const plain = meter(onBytes);
    const packed = meter();
    const file = createWriteStream(temporary);
    await pipeline(source.open(), plain.stream, zstdEncoder(source.length), packed.stream, file);
    const sha256 = plain.digest();
    if (plain.length() !== source.length) throw changed(name);
    if (isWorthwhile(source.length, packed.length())) {
      const blob: Blob = { encoding: 'zstd', length: packed.length(), sha256: packed.digest() };
      const target = path.join(folder, blobKey(blob.sha256));
      await makeFolder(path.dirname(target));
      await syncFile(temporary);
      await rename(temporary, target);
      return { length: source.length, sha256, blob };
    }
    await rm(temporary, { force: true });
    await copyUnchanged(name, source, path.join(folder, blobKey(sha256)), sha256);
    return { length: source.length, sha256, blob: { encoding: 'identity', length: source.length, sha256 } };
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    // The encoder was promised the length that the source had when it was opened.
    if (systemCode(error)?.startsWith('ZSTD_')) throw changed(name, error);
    throw diskError(error, name);
  }
}

async function copyUnchanged(name: string, source: ComponentSource, target: string, sha256: Digest): Promise<void> {
  const again = meter();
  const stream = source.open();
  stream.on('error', (error) => again.stream.destroy(error));
  await replaceFile(target, stream.pipe(again.stream));
  if (again.digest() === sha256) return;
  await rm(target, { force: true });
  throw changed(name);
}

/** Length and digest of what flows through. */
export function meter(onBytes: (count: number) => void = () => undefined) {
  const hash = createHash('sha256');
  let length = 0;
  const stream = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      hash.update(chunk);
      length += chunk.length;
      onBytes(chunk.length);
      done(null, chunk);
    },
  });
  let digest: Digest | undefined;
  return {
    stream,
    length: () => length,
    digest: () => {
      digest ??= hash.digest('hex');
      return digest;
    },
  };
}

/** Compresses a small file (a delta) and keeps the result where that is worthwhile. */
export async function packFile(file: string, packedFile: string): Promise<{ file: string; blob: Blob }> {
  const { size } = await stat(file);
  const plain = meter();
  const packed = meter();
  await pipeline(createReadStream(file), plain.stream, zstdEncoder(size), packed.stream, createWriteStream(packedFile));
  if (isWorthwhile(size, packed.length())) {
    return { file: packedFile, blob: { encoding: 'zstd', length: packed.length(), sha256: packed.digest() } };
  }
  return { file, blob: { encoding: 'identity', length: size, sha256: plain.digest() } };
}

function changed(name: string, cause?: unknown): SlipwayError {
  return new SlipwayError('component-unreadable', `${name}: its bytes changed while they were read`, {
    hint: 'Build again when nothing writes to it any more.',
    cause,
  });
}
