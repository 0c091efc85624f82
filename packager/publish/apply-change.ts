/**
 * Brings a signed change of root and targets into force: documents under their own names first, then the root that
 * devices look for, then the timestamp. One that was killed is finished by the same command.
 */
import type { Metadata, MetaFile, Root, Targets } from '@tufjs/models';
import { canonicalJson, isSameJson } from '../../contract/canonical-json.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { metadataKey, timestampKey } from '../../contract/store-keys.ts';
import { productRoles } from '../../contract/trust/keys-only-roles.ts';
import { refreshTrust } from '../../contract/trust/trusted-set.ts';
import { isExpired, lifetimesOf } from '../../system/signing/lifetimes.ts';
import { nextSnapshot, nextTimestamp } from '../../system/signing/online-roles.ts';
import { placeDocument } from '../../system/signing/place-document.ts';
import {
  authorisedKeys,
  describeDocument,
  documentKey,
  type SignedDocument,
  signDocument,
} from '../../system/signing/signed-document.ts';
import type { SigningKey } from '../../system/signing/signing-key.ts';
import type { StoreReader } from '../../system/store/reader.ts';
import type { StoreWriter } from '../../system/store/writer.ts';
import { type ChangeRequest, missingSignatures, withCountedSignatures } from '../repository/change-request.ts';
import {
  fetchFrom,
  loadAllParts,
  loadRepository,
  type MetadataReader,
  type RepositoryState,
} from '../repository/state.ts';
import { firstToSwap } from './first-to-swap.ts';
import { nextVersions } from './next-versions.ts';
import { placeProduct } from './place-product.ts';

interface ApplyInput {
  readonly store: StoreWriter;
  readonly request: ChangeRequest;
  /** Of snapshot and timestamp, and of products whose keys change, as they are afterwards. */
  readonly keys: readonly SigningKey[];
  readonly pinnedRoot: Uint8Array | undefined;
  readonly signingTime: Date;
  /** Waits a random while before another attempt, longer with each. */
  readonly backOff: (attempt: number) => Promise<void>;
}

interface AppliedChange {
  readonly rootVersion: number;
  readonly targetsVersion: number;
  /** Products whose role was signed by their new keys. */
  readonly products: readonly string[];
}

/**
 * @throws SlipwayError `threshold-not-met`, `key-not-authorised`, `metadata-expired`, `publish-contended` where the
 *   repository has moved on since the request was made, or what the store throws
 */
export async function applyChange(input: ApplyInput): Promise<AppliedChange> {
  const { store, request, pinnedRoot, signingTime } = input;
  requireSigned(request);
  requireInTime(request, signingTime);
  await refuseWhatIsInForce(store, request, pinnedRoot);
  return firstToSwap(() => applyOnce(input), {
    backOff: input.backOff,
    hint: 'Run the same command again: the new root may be in the store already.',
  });
}

/** Undefined where another publisher was faster: what it left is the next one's start. */
async function applyOnce({ store, request, keys, pinnedRoot, signingTime: now }: ApplyInput) {
  const { before } = request;
  const after = withCountedSignatures(request);
  await requireNewestRoot(store, request);
  // A root that an earlier try placed is not looked at: the timestamp of before may not be its own.
  const hidden = new Map([[metadataKey('root', before.root.signed.version + 1), undefined]]);
  const state = await loadRepository(withObjects(store, hidden), pinnedRoot);
  requireUnmoved(state, request);
  const root = after.root ?? before.root;
  const targets = after.targets ?? state.targets;
  const lifetimes = lifetimesOf(root.signed);
  const online = {
    snapshot: authorisedKeys('snapshot', root.signed.roles.snapshot ?? noKeys, keys),
    timestamp: authorisedKeys('timestamp', root.signed.roles.timestamp ?? noKeys, keys),
  };
  const changed = changedProducts(state, targets.signed);
  const signers = new Map(changed.map((name) => [name, authorisedKeys(name, roleOf(targets.signed, name), keys)]));

  const versions = await nextVersions(store, state, root);
  const meta: Record<string, MetaFile> = { ...state.snapshotMeta };
  if (after.targets) meta['targets.json'] = describeDocument(await placeSigned(store, 'targets', after.targets));
  for (const [product, productKeys] of signers) {
    const releases = state.releases.get(product) ?? [];
    const placement = { product, state, releases, renew: true, delegator: targets, keys: productKeys, now, lifetimes };
    Object.assign(meta, await placeProduct(store, placement));
  }
  const snapshot = await placeDocument(store, {
    ...{
      role: 'snapshot',
      lifetime: 'snapshot',
      from: versions.snapshot,
      keys: online.snapshot,
      now,
      lifetimes,
    },
    make: (version) => nextSnapshot(meta, version, now, lifetimes),
    delegator: root,
  });
  const next = nextTimestamp(describeDocument(snapshot), versions.timestamp, now, lifetimes);
  const timestamp = signDocument('timestamp', next, online.timestamp);
  await requireTaken(store, before.root, after.root, timestamp.bytes, changed);
  if (after.root) await placeSigned(store, 'root', after.root);
  const swap = await store.compareAndSwap(timestampKey, state.timestampEtag, timestamp.bytes);
  if (swap === 'changed') return undefined;
  return { rootVersion: root.signed.version, targetsVersion: targets.signed.version, products: changed };
}

/** A root has its name for ever: before it gets it, the rules of the device say whether a device would take it. */
async function requireTaken(
  store: StoreReader,
  before: Metadata<Root>,
  root: Metadata<Root> | undefined,
  timestamp: Uint8Array,
  products: readonly string[],
): Promise<void> {
  const placed = new Map([[timestampKey, timestamp]]);
  if (root) placed.set(metadataKey('root', root.signed.version), canonicalJson(root.toJSON()));
  const trusted = await refreshTrust({
    known: new Map([['root', canonicalJson(before.toJSON())]]),
    now: new Date(0),
    fetch: fetchFrom(withObjects(store, placed)),
  });
  for (const name of products) await loadAllParts(trusted, name);
  if (root && trusted.root.version !== root.signed.version) {
    throw new SlipwayError('metadata-malformed', 'no device would find the new root');
  }
}

function requireInTime({ after }: ChangeRequest, now: Date): void {
  for (const document of [after.root, after.targets]) {
    if (!document || !isExpired(document.signed.expires, now)) continue;
    const { type, expires } = document.signed;
    throw new SlipwayError('metadata-expired', `${type} of the request ended at ${expires}`, {
      hint: 'Make the request again and have it signed; check this clock, too.',
    });
  }
}

/** The answer of an earlier try may have been lost. */
async function refuseWhatIsInForce(
  store: StoreReader,
  { after }: ChangeRequest,
  pinnedRoot: Uint8Array | undefined,
): Promise<void> {
  const state = await loadRepository(store, pinnedRoot).catch(() => undefined);
  if (!state) return;
  const isThere = (['root', 'targets'] as const).every(
    (name) => !after[name] || isSameJson(state[name].signed.toJSON(), after[name].signed.toJSON()),
  );
  if (isThere) throw movedOn('the change is in force already');
}

async function requireNewestRoot(store: StoreReader, { before, after }: ChangeRequest): Promise<void> {
  const next = before.root.signed.version + 1;
  const there = await store.readWhole(metadataKey('root', next), limits.maxTargetsBytes);
  if (!there) return;
  if (!after.root || !saysTheSame(there.bytes, after.root.signed)) throw movedOn('root was changed since it was made');
  if (await store.stat(metadataKey('root', next + 1))) throw movedOn('a newer root is in force');
}

const noKeys = { keyIDs: [], threshold: 1 };

function requireSigned(request: ChangeRequest): void {
  const [missing] = missingSignatures(request);
  if (!missing) return;
  const { document, by, authority, signed } = missing;
  const whose = document === 'root' && by === 'before' ? 'the root that is in force' : 'those that come into force';
  throw new SlipwayError(
    'threshold-not-met',
    `${document} has ${signed.length} of the ${authority.threshold} signatures that it needs by keys of ${whose}`,
    {
      hint: `Have it signed by holders of ${authority.keyIDs
        .filter((id) => !signed.includes(id))
        .map((id) => id.slice(0, 12))
        .join(', ')}: slipway-packager keys sign REQUEST --key FILE`,
    },
  );
}

/** The request says what it was made from; anything else would be overwritten unseen. */
function requireUnmoved(state: RepositoryState, { before, after }: ChangeRequest): void {
  const rootIsSame = isSameJson(state.root.signed.toJSON(), before.root.signed.toJSON());
  const targetsAreSame = !after.targets || isSameJson(state.targets.signed.toJSON(), before.targets.signed.toJSON());
  if (!rootIsSame || !targetsAreSame) throw movedOn('root or targets were changed since it was made');
}

function movedOn(why: string): SlipwayError {
  return new SlipwayError('publish-contended', `the request does not fit the repository any more: ${why}`, {
    hint: 'See slipway-packager keys status; make the request again where the change is still wanted.',
  });
}

/** Products that are new, or whose keys or threshold change: their role is signed by the keys of afterwards. */
function changedProducts(state: RepositoryState, after: Targets): string[] {
  const before = state.targets.signed.delegations?.roles ?? {};
  return productRoles(after).filter((name) => {
    const [old, next] = [Object.hasOwn(before, name) ? before[name] : undefined, roleOf(after, name)];
    const signs = (role: { readonly keyIDs: readonly string[]; readonly threshold: number }) =>
      `${role.threshold} ${[...role.keyIDs].sort().join(' ')}`;
    return !old || signs(old) !== signs(next) || !state.products.has(name);
  });
}

function roleOf(targets: Targets, name: string) {
  return targets.delegations?.roles?.[name] ?? noKeys;
}

async function placeSigned<T extends Root | Targets>(
  store: StoreWriter,
  role: 'root' | 'targets',
  metadata: Metadata<T>,
): Promise<SignedDocument<T>> {
  const document: SignedDocument<T> = { role, signed: metadata.signed, bytes: canonicalJson(metadata.toJSON()) };
  if ((await store.putNew(documentKey(document), document.bytes)) === 'created') return document;
  const there = await store.readWhole(documentKey(document), limits.maxTargetsBytes);
  // More signatures than before change nothing of what it says.
  if (there && saysTheSame(there.bytes, document.signed)) return { ...document, bytes: there.bytes };
  throw movedOn(`the store holds another ${metadataKey(role, document.signed.version)}`);
}

function saysTheSame(bytes: Uint8Array, signed: Root | Targets): boolean {
  try {
    const found = JSON.parse(new TextDecoder().decode(bytes)) as { signed: object };
    return isSameJson(found.signed, signed.toJSON());
  } catch {
    return false;
  }
}

/** The store as it would be with these objects in place; undefined hides one. */
function withObjects(store: MetadataReader, objects: ReadonlyMap<string, Uint8Array | undefined>): MetadataReader {
  return {
    async readWhole(key, maxBytes) {
      if (!objects.has(key)) return store.readWhole(key, maxBytes);
      const bytes = objects.get(key);
      if (bytes && bytes.length > maxBytes) {
        throw new SlipwayError('metadata-too-large', `${key} would be longer than ${maxBytes} bytes`);
      }
      return bytes && { bytes, etag: '' };
    },
  };
}
