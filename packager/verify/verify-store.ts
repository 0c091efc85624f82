/**
 * Verifies a whole store by the rules of a device: every signature, every manifest, every blob that a manifest names.
 */
import { SlipwayError } from '../../contract/errors.ts';
import type { Progress } from '../../contract/progress.ts';
import { blobKey, manifestKey } from '../../contract/store-keys.ts';
import { refreshTrust } from '../../contract/trust/trusted-set.ts';
import { endingRoles, endingText, roleEndsOf } from '../../system/signing/ending-roles.ts';
import { objectStream } from '../../system/store/object-stream.ts';
import type { StoreReader } from '../../system/store/reader.ts';
import { listReleases } from '../repository/product-role.ts';
import { readManifest } from '../repository/release-manifests.ts';
import { fetchFrom, firstRoot } from '../repository/state.ts';
import { checkBlob, distinctBlobs, type ExpectedBlob, expectedBlobs } from './check-blob.ts';
import { FindingList, type Verified } from './findings.ts';
import type { Repair } from './repair.ts';

/** Believes nothing and changes nothing. */
const noRepair: Pick<Repair, 'checked'> = { checked: (_key, _digest, check) => check() };

/**
 * @param now the clock of this machine: expired metadata is a finding
 * @param repair replaces what is damaged, where it can; what it cannot stays a finding
 * @throws SlipwayError with the code of the first finding
 */
export async function verifyStore(
  store: StoreReader,
  pinnedRoot: Uint8Array | undefined,
  now: Date,
  progress: Progress,
  repair?: Repair,
): Promise<Verified> {
  const root = pinnedRoot ?? (await firstRoot(store));
  const trusted = repair
    ? await repair.trust(root, now)
    : await refreshTrust({ known: new Map([['root', root]]), fetch: fetchFrom(store), now });
  const mend = repair ?? noRepair;
  const findings = new FindingList();
  const named: ExpectedBlob[] = [];
  let releases = 0;
  for (const product of trusted.delegatedRoles) {
    for (const release of await listReleases(trusted, product)) {
      releases += 1;
      await findings.collect(
        mend
          .checked(manifestKey(release.manifestSha256), release.manifestSha256, () => readManifest(store, release))
          .then(({ manifest }) => {
            for (const expected of expectedBlobs(manifest)) {
              named.push({ ...expected, label: `${release.path}: ${expected.label}` });
            }
          }),
      );
    }
  }
  const blobs = distinctBlobs(named);
  progress.expect(blobs.reduce((sum, { blob }) => sum + blob.length, 0));
  for (const expected of blobs) {
    const { sha256 } = expected.blob;
    const check = () => verifyBlob(store, expected, progress);
    await findings.collect(mend.checked(blobKey(sha256), sha256, check));
  }
  findings.raise();
  return {
    what: 'store',
    signatures: trusted.documents.size,
    releases,
    blobs: blobs.length,
    rootPinned: pinnedRoot !== undefined,
    warnings: endingRoles(roleEndsOf(trusted.documents), now).map(endingText),
    expires: trusted.expires,
    ...(repair ? { repaired: repair.repaired } : {}),
  };
}

async function verifyBlob(store: StoreReader, expected: ExpectedBlob, progress: Progress): Promise<void> {
  const key = blobKey(expected.blob.sha256);
  if ((await store.stat(key)) === undefined) {
    throw new SlipwayError('blob-missing', `${expected.label}: the store has no ${key}`, {
      hint: 'Restore it from a bundle, a build folder or a backup.',
    });
  }
  await checkBlob(await objectStream(store, key), expected, progress.advance);
}
