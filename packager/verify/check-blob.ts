/**
 * Checks that stored bytes are what a manifest says: as they are on the wire, and unpacked to the component. It
 * streams.
 */
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Digest } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import type { Blob, ReleaseManifest } from '../../contract/release/manifest.ts';
import { meter } from '../release/pack-component.ts';
import { zstdDecoder } from '../release/unpack-blob.ts';

/** One blob and what it must be. */
export interface ExpectedBlob {
  /** Component and role of the blob, for messages. */
  readonly label: string;
  readonly blob: Blob;
  /** The component that a full blob unpacks to; a delta is checked on the wire only. */
  readonly component?: { readonly length: number; readonly sha256: Digest };
}

/** All blobs of a release, full ones, deltas and attachments, in the manifest's order. */
export function expectedBlobs(manifest: ReleaseManifest): ExpectedBlob[] {
  const ofComponents = manifest.components.flatMap((component) => [
    ...component.blobs.map((blob) => ({ label: component.name, blob, component })),
    ...component.deltas.map((blob) => ({ label: `delta of ${component.name}`, blob })),
  ]);
  return [...ofComponents, ...attachmentBlobs(manifest)];
}

/** Attachments are stored as they are. */
export function attachmentBlobs({ attachments = [] }: ReleaseManifest): ExpectedBlob[] {
  return attachments.map(({ name, length, sha256 }) => ({
    label: `attachment ${name}`,
    blob: { encoding: 'identity', length, sha256 },
  }));
}

/**
 * One for each stored object, in order: components of equal bytes share theirs. Of several that name one object the one
 * is kept that is checked deepest.
 */
export function distinctBlobs(expected: readonly ExpectedBlob[]): ExpectedBlob[] {
  const byDigest = new Map<Digest, ExpectedBlob>();
  for (const found of expected) {
    const known = byDigest.get(found.blob.sha256);
    if (known === undefined || (!isUnpacked(known) && isUnpacked(found))) byDigest.set(found.blob.sha256, found);
  }
  return [...byDigest.values()];
}

function isUnpacked({ blob, component }: ExpectedBlob): boolean {
  return component !== undefined && blob.encoding === 'zstd';
}

/** @throws SlipwayError `length-mismatch`, `digest-mismatch`, `compression-invalid` */
export async function checkBlob(
  bytes: AsyncIterable<Uint8Array>,
  { label, blob, component }: ExpectedBlob,
  onBytes: (count: number) => void,
): Promise<void> {
  const wire = meter(onBytes);
  const source = Readable.from(bytes, { objectMode: false });
  if (component && blob.encoding === 'zstd') {
    const plain = meter();
    try {
      await pipeline(source, wire.stream, zstdDecoder(), atMost(component.length, label), plain.stream, drain());
    } catch (cause) {
      if (cause instanceof SlipwayError) throw cause;
      throw new SlipwayError('compression-invalid', `${label}: blob ${blob.sha256} does not unpack`, { cause });
    }
    compare(label, blob, wire);
    compare(label, component, plain);
  } else {
    await pipeline(source, wire.stream, drain());
    compare(label, blob, wire);
  }
}

function compare(
  label: string,
  expected: { readonly length: number; readonly sha256: Digest },
  found: ReturnType<typeof meter>,
): void {
  if (found.length() !== expected.length) {
    throw new SlipwayError('length-mismatch', `${label}: expected ${expected.length} bytes, found ${found.length()}`);
  }
  if (found.digest() !== expected.sha256) {
    throw new SlipwayError('digest-mismatch', `${label}: expected ${expected.sha256}, found ${found.digest()}`, {
      hint: 'The bytes are damaged or were changed; bring them in again from where they were built.',
    });
  }
}

/** Ends a decompression bomb at the length that was signed. */
function atMost(length: number, label: string): Transform {
  let seen = 0;
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      seen += chunk.length;
      if (seen <= length) done(null, chunk);
      else done(new SlipwayError('length-mismatch', `${label}: unpacks to more than ${length} bytes`));
    },
  });
}

function drain() {
  return async (source: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const _ of source);
  };
}
