/** Gives objects for a repair, out of a build folder, or out of a bundle, which is read again for each blob. */
import { stat } from 'node:fs/promises';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { encodeManifest, wholeBlobsOf } from '../../contract/release/manifest.ts';
import { blobKey, manifestKey } from '../../contract/store-keys.ts';
import type { RepeatableBytes } from '../../system/store/writer.ts';
import { type BundleHead, readBundle } from '../bundle/read-bundle.ts';
import { blobFile, openBlob, readBuild } from '../release/build-folder.ts';
import type { RepairSource } from './repair.ts';

/** Blobs, and the manifest of a release that was published without deltas. */
export async function buildAsSource(folder: string): Promise<RepairSource> {
  const { manifest } = await readBuild(folder);
  const { bytes, sha256 } = encodeManifest(manifest);
  const digests = new Map(wholeBlobsOf(manifest).map((blob) => [blobKey(blob.sha256), blob.sha256] as const));
  return {
    async object(key) {
      if (key === manifestKey(sha256)) return small(bytes);
      const digest = digests.get(key);
      if (digest === undefined) return undefined;
      return { length: (await stat(blobFile(folder, digest))).size, open: () => openBlob(folder, digest) };
    },
  };
}

/** Metadata, the manifest, and full blobs. */
export async function bundleAsSource(file: string): Promise<RepairSource> {
  let members: BundleHead['members'] = new Map();
  const lengths = new Map<string, number>();
  await readBundle(file, {
    head: async (head) => {
      members = head.members;
    },
    blob: async (digest, length, bytes) => {
      lengths.set(digest, length);
      await drain(bytes);
    },
  });
  return {
    async object(key) {
      const member = members.get(key);
      if (member) return small(member);
      const digest = key.slice(key.lastIndexOf('/') + 1);
      const length = lengths.get(digest);
      return length === undefined || key !== blobKey(digest)
        ? undefined
        : { length, open: () => openMember(file, digest) };
    },
  };
}

function openMember(file: string, wanted: string): Readable {
  const out = new PassThrough();
  readBundle(file, {
    head: async () => undefined,
    blob: (digest, _length, bytes) => (digest === wanted ? pipeline(Readable.from(bytes), out) : drain(bytes)),
  }).catch((error: unknown) => out.destroy(error instanceof Error ? error : new Error(String(error))));
  return out;
}

function small(bytes: Uint8Array): RepeatableBytes {
  return { length: bytes.length, open: () => Readable.from([bytes], { objectMode: false }) };
}

async function drain(bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of bytes);
}
