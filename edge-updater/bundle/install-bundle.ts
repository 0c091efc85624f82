/**
 * Installs a release from a bundle. Trust, acceptance and machine are the same as online; only the bytes come from a
 * file. Nothing of the bundle is kept before TUF vouches for its manifest.
 */
import { bundleGrantName } from '../../contract/bundle.ts';
import type { Digest } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { namedBlobsOf, type ReleaseManifest, targetPath } from '../../contract/release/manifest.ts';
import { manifestKey } from '../../contract/store-keys.ts';
import type { Device } from '../device/device.ts';
import { requireRoomFor } from '../effects/fetch.ts';
import { installedFiles } from '../effects/installed-files.ts';
import type { BlobSource, DownloadStore } from '../ports.ts';
import { planUpdate } from '../update/plan.ts';
import type { FinishedAttempt } from '../update/state.ts';
import { type BundleTable, readBlobs, readTable } from './bundle-file.ts';

/** For a machine without a network: what the bundle lacks is missing. */
export const noOtherSource: BlobSource = {
  async openBlob(digest) {
    throw new SlipwayError('blob-missing', `the bundle has no blob ${digest}`, {
      hint: 'Install it while the server can be reached, or make a bundle with the full blobs.',
    });
  },
};

/** @throws SlipwayError of the bundle, of trust and of acceptance; the device is as it was then */
export async function installBundle(
  device: Device,
  file: string,
  signal: AbortSignal,
  patience: number,
): Promise<FinishedAttempt> {
  const table = await readTable(file);
  const grant = table.documents.get(bundleGrantName);
  const release = await device
    .resolve(targetPath(table.index), {
      metadata: async (name) => table.documents.get(`metadata/${name}`),
      manifest: async (digest) => table.documents.get(manifestKey(digest)),
      attachment: async (digest, maxBytes) => takeDocument(file, table, digest, maxBytes),
      grant: grant && { bytes: grant, holder: device.grantHolder },
    })
    .catch(pointToNewerBundle);
  if (release.manifestSha256 !== table.index.manifestSha256) {
    throw new SlipwayError('bundle-malformed', 'its index and its signed metadata name different manifests');
  }
  refuseForeignBlobs(table, release.manifest);
  const attemptId = device.world.clock.newId();
  await takeBlobs(device, table, release.manifest, attemptId, file, signal);
  return device.install(release, attemptId, signal, patience);
}

/** Undefined where the bundle was made without its attachments. */
async function takeDocument(
  file: string,
  { blobs }: BundleTable,
  digest: Digest,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const length = blobs.get(digest);
  if (length === undefined || length > maxBytes) return undefined;
  const chunks: Uint8Array[] = [];
  await readBlobs(file, new Set([digest]), async (_digest, _length, content) => {
    for await (const chunk of content) chunks.push(chunk);
  });
  return Buffer.concat(chunks);
}

/** Nobody at the box can sign a repository. */
function pointToNewerBundle(error: unknown): never {
  if (!(error instanceof SlipwayError) || error.code !== 'metadata-expired') throw error;
  throw new SlipwayError(error.code, error.message, {
    cause: error,
    hint: 'Fetch a newer bundle, or check the clock of this machine. A bundle with an offline grant holds longer: slipway-packager bundle --valid-for.',
  });
}

/** Blobs that the manifest does not name, or names with another length, have no business in its bundle. */
function refuseForeignBlobs({ blobs }: BundleTable, manifest: ReleaseManifest): void {
  const named = new Map(namedBlobsOf(manifest).map((blob) => [blob.sha256, blob.length]));
  for (const [digest, length] of blobs) {
    if (named.get(digest) !== length) {
      throw new SlipwayError('bundle-malformed', `its manifest names no blob ${digest} of ${length} bytes`);
    }
  }
}

async function takeBlobs(
  { world, state }: Device,
  { blobs }: BundleTable,
  manifest: ReleaseManifest,
  attemptId: string,
  file: string,
  signal: AbortSignal,
): Promise<void> {
  const { downloads, slots, policy } = world;
  const installed = [state.current, state.previous].filter((release) => release !== undefined);
  const plan = planUpdate({
    manifest,
    installed: new Set(installedFiles(slots, installed).keys()),
    durable: new Map(),
    failedSources: [],
    available: new Set(blobs.keys()),
    bytesOnWire: 0,
    allowFullAfterDeltaFailure: policy.allowFullAfterDeltaFailure,
    deltaPolicy: policy.delta,
  });
  requireRoomFor(plan, manifest, world);
  downloads.begin(attemptId, new Set(namedBlobsOf(manifest).map((blob) => blob.sha256)));
  const wanted = new Map(plan.blobs.map((blob) => [blob.sha256, blob]));
  await readBlobs(file, new Set(wanted.keys()), (digest, length, content) =>
    takeBlob(downloads, digest, length, content, signal),
  );
}

async function takeBlob(
  downloads: DownloadStore,
  digest: Digest,
  length: number,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const part = downloads.openPart(digest, length, 'bundle');
  try {
    part.rewind({ offset: 0, etag: undefined, isPieced: false, isRestarted: false });
    for await (const chunk of content) {
      signal.throwIfAborted();
      part.write(chunk);
    }
    part.sync();
    const found = await part.digest();
    if (found === digest) return;
    part.restart();
    throw new SlipwayError('digest-mismatch', `blob of the bundle: expected sha256 ${digest}, found ${found}`, {
      hint: 'Copy the bundle again; if it stays so, it was changed after it was made.',
    });
  } finally {
    part.close();
  }
}
