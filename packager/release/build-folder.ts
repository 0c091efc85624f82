/**
 * Reads and writes the folder that `build` fills and `publish` reads: `release.json` beside `blobs/`. A marker stands
 * in it from the first write to the last, and release.json comes last, so that a killed build never looks finished.
 */
import { createReadStream } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { SlipwayError } from '../../contract/errors.ts';
import { decodeManifest, encodeManifest, type ReleaseManifest } from '../../contract/release/manifest.ts';
import { blobKey } from '../../contract/store-keys.ts';
import { diskError, replaceFile, syncFolder } from '../../system/files/durable-file.ts';
import { systemCode } from '../../system/files/system-code.ts';

const manifestName = 'release.json';
const markerName = '.building';

/** Empties what an earlier build left. @throws SlipwayError `usage` when the folder holds something else */
export async function startBuild(folder: string): Promise<void> {
  const names = await readdir(folder).catch((error: unknown): string[] => {
    if (systemCode(error) === 'ENOENT') return [];
    throw diskError(error, 'the output folder');
  });
  if (names.length > 0 && !names.includes(manifestName) && !names.includes(markerName)) {
    throw new SlipwayError('usage', 'the output folder is not empty and holds no earlier build', {
      hint: 'Give a new or empty folder to --out.',
    });
  }
  await replaceFile(path.join(folder, markerName), new Uint8Array());
  await rm(path.join(folder, manifestName), { force: true });
  await syncFolder(folder);
  const leftovers = names.filter((name) => name.startsWith('.') && name.endsWith('.tmp'));
  for (const name of ['blobs', ...leftovers]) await rm(path.join(folder, name), { recursive: true, force: true });
}

export async function finishBuild(folder: string, manifest: ReleaseManifest): Promise<void> {
  await replaceFile(path.join(folder, manifestName), encodeManifest(manifest).bytes);
  await rm(path.join(folder, markerName), { force: true });
  await syncFolder(folder);
}

/** A finished build. */
export interface BuiltRelease {
  readonly folder: string;
  readonly manifest: ReleaseManifest;
}

/**
 * Reads release.json and sees that each blob is there with its length; digests are checked when bytes are read.
 * @throws SlipwayError `build-incomplete`, `blob-missing`, `length-mismatch`, `manifest-…`
 */
export async function readBuild(folder: string): Promise<BuiltRelease> {
  const incomplete = (why: string, cause?: unknown) =>
    new SlipwayError('build-incomplete', `expected a finished build, but ${why}`, {
      hint: 'Run slipway-packager build again with the same --out.',
      cause,
    });
  const marker = await stat(path.join(folder, markerName)).catch(() => undefined);
  if (marker) throw incomplete('the build in this folder never ended');
  const bytes = await readFile(path.join(folder, manifestName)).catch((cause: unknown) => {
    throw incomplete('this folder has no release.json', cause);
  });
  const manifest = decodeManifest(bytes);
  for (const { name, blobs } of [...manifest.components, ...attachedBlobs(manifest)]) {
    for (const blob of blobs) {
      const found = await stat(blobFile(folder, blob.sha256)).catch((cause: unknown) => {
        throw new SlipwayError('blob-missing', `${name}: the build has no blob ${blob.sha256}`, {
          hint: 'Run slipway-packager build again with the same --out.',
          cause,
        });
      });
      if (found.size !== blob.length) {
        throw new SlipwayError('length-mismatch', `${name}: expected ${blob.length} bytes, found ${found.size}`);
      }
    }
  }
  return { folder, manifest };
}

function attachedBlobs({ attachments = [] }: ReleaseManifest) {
  return attachments.map((attachment) => ({ name: attachment.name, blobs: [attachment] }));
}

export function blobFile(folder: string, sha256: string): string {
  return path.join(folder, ...blobKey(sha256).split('/'));
}

export function openBlob(folder: string, sha256: string): Readable {
  return createReadStream(blobFile(folder, sha256), { highWaterMark: 1 << 18 });
}
