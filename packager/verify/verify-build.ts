/** Verifies a build folder against its own release.json. Nothing in it is signed yet. */

import type { Progress } from '../../contract/progress.ts';
import { type BuiltRelease, openBlob } from '../release/build-folder.ts';
import { checkBlob, distinctBlobs, expectedBlobs } from './check-blob.ts';
import { FindingList, type Verified } from './findings.ts';

export async function verifyBuild({ folder, manifest }: BuiltRelease, progress: Progress): Promise<Verified> {
  const findings = new FindingList();
  const blobs = distinctBlobs(expectedBlobs(manifest));
  progress.expect(blobs.reduce((sum, { blob }) => sum + blob.length, 0));
  for (const expected of blobs) {
    await findings.collect(checkBlob(openBlob(folder, expected.blob.sha256), expected, progress.advance));
  }
  findings.raise();
  return { what: 'build', signatures: 0, releases: 1, blobs: blobs.length };
}
