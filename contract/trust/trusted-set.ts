/**
 * Runs the TUF client workflow (specification 1.0.34, section 5) over bytes: which metadata to ask for, in which order,
 * under which limits. tuf-js verifies each document. This file orders, classifies refusals and hands back the whole new
 * set, so that its caller can replace the old set durably as one thing. It reads no clock, disk or network.
 */
import type { Metadata, Root, TargetFile, Targets } from '@tufjs/models';
import { EqualVersionError } from 'tuf-js/dist/error.js';
import { TrustedMetadataStore } from 'tuf-js/dist/store.js';
import { SlipwayError } from '../errors.ts';
import { limits } from '../limits.ts';
import { isBinRole } from './hash-bins.ts';
import type { KeyAuthority } from './key-authority.ts';
import { grantAuthorityOf, permitAuthorityOf, productRoles } from './keys-only-roles.ts';
import { type ProductPart, partOf } from './product-part.ts';
import { classifyRefusal } from './refusal.ts';
import { checkStructure } from './structure.ts';
import './targets-in-one-pass.ts';

/** Fetches one metadata document, at most `maxBytes` long; undefined where it does not exist (404, 403). */
export type FetchMetadata = (name: string, maxBytes: number) => Promise<Uint8Array | undefined>;

/** Accepted documents by role: `root`, `timestamp`, `snapshot`, `targets` and delegated roles. Bytes as received. */
export type MetadataSet = ReadonlyMap<string, Uint8Array>;

interface RefreshInput {
  /** The set accepted last; needs `root` at least (the pinned root on a first start). */
  readonly known: MetadataSet;
  readonly fetch: FetchMetadata;
  /** Never earlier than any time already accepted: the caller applies its time floor (freeze attack). */
  readonly now: Date;
  /** Root versions to follow; all of limits.maxRootChain by default. */
  readonly maxRoots?: number;
  /**
   * Told as soon as a document is accepted, in the order of the workflow. A new root has to be kept at once (TUF
   * 5.3.8), even if the rest of the refresh fails: else an attacker who withholds the rest brings revoked keys back.
   */
  readonly onAccepted?: (role: string, bytes: Uint8Array) => void;
}

/** A repository state that passed every check. */
export interface TrustedRepository {
  /** What to keep for the next refresh, replaced as a whole. */
  readonly documents: MetadataSet;
  readonly root: Root;
  readonly timestampVersion: number;
  /** Earliest expiry of timestamp, snapshot, targets and root, RFC 3339. */
  readonly expires: string;
  /** Names of the roles with releases that `targets` delegates to, as signed: one per product. */
  readonly delegatedRoles: readonly string[];
  /** Who may sign permits; undefined where `targets` delegates them to nobody. */
  readonly permits: KeyAuthority | undefined;
  /** Who may sign offline grants; undefined where `targets` delegates them to nobody. */
  readonly grants: KeyAuthority | undefined;
  /**
   * The signed length, hashes and custom fields of one target (TUF 5.6.7: pre-order, depth first), loading delegated
   * roles as it goes; undefined where no role names it.
   */
  findTarget(path: string): Promise<TargetFile | undefined>;
  /** One role that `targets` delegates to; undefined where there is no such role. */
  delegatedTargets(role: string): Promise<Targets | undefined>;
  /** The same role, then each of its hash bins, loaded when it is asked for; nothing where there is no such role. */
  partsOf(product: string): AsyncGenerator<ProductPart>;
}

/**
 * Refreshes root, timestamp, snapshot and targets.
 * @throws SlipwayError with a `metadata-…` code that names the attack; the known set stays as it was
 */
export async function refreshTrust(input: RefreshInput): Promise<TrustedRepository> {
  const documents = new AcceptedDocuments(input.onAccepted);
  const pinned = input.known.get('root');
  if (!pinned) throw new SlipwayError('trust-store-corrupt', 'there is no trusted root.json');
  checkStructure('root', pinned);
  const store = refuse('root', () => new TrustedMetadataStore(buffer(pinned)));
  // tuf-js takes its reference time from the system clock; ours is floored by the newest time ever accepted.
  Reflect.set(store, 'referenceTime', input.now);
  documents.keep('root', pinned);

  await updateRoot(store, documents, input);
  await updateTimestamp(store, documents, input);
  await updateSnapshot(store, documents, input);
  const session = new DelegationWalk(store, documents, input);
  await session.load('targets', 'root');

  const signed = [store.root.signed, store.timestamp?.signed, store.snapshot?.signed, store.targets?.signed];
  return {
    documents: documents.byRole,
    root: store.root.signed,
    timestampVersion: store.timestamp?.signed.version ?? 0,
    expires: signed.flatMap((role) => (role ? [role.expires] : [])).reduce((a, b) => (a < b ? a : b)),
    delegatedRoles: productRoles(store.targets?.signed),
    permits: permitAuthorityOf(store.targets?.signed),
    grants: grantAuthorityOf(store.targets?.signed),
    findTarget: (path) => session.findTarget(path),
    delegatedTargets: (role) => session.delegatedTargets(role),
    partsOf: (product) => session.partsOf(product),
  };
}

/** The set as it grows: what was known already is kept, what is new is told. */
class AcceptedDocuments {
  readonly byRole = new Map<string, Uint8Array>();
  readonly #tell: RefreshInput['onAccepted'];

  constructor(tell: RefreshInput['onAccepted']) {
    this.#tell = tell;
  }

  keep(role: string, bytes: Uint8Array): void {
    this.byRole.set(role, bytes);
  }

  accept(role: string, bytes: Uint8Array): void {
    this.byRole.set(role, bytes);
    this.#tell?.(role, bytes);
  }
}

/** TUF 5.3: follow root versions one by one until the next does not exist. */
async function updateRoot(store: TrustedMetadataStore, documents: AcceptedDocuments, input: RefreshInput) {
  const { fetch, maxRoots = limits.maxRootChain } = input;
  for (let step = 0; ; step++) {
    const bytes = await fetch(`${store.root.signed.version + 1}.root.json`, limits.maxRootBytes);
    if (!bytes) return;
    if (bytes.length > limits.maxRootBytes) throw tooLarge('the next root.json', limits.maxRootBytes);
    if (step === maxRoots) throw behind(store.root.signed.version, maxRoots);
    checkStructure('root', bytes);
    refuse('root', () => store.updateRoot(buffer(bytes)));
    documents.accept('root', bytes);
  }
}

function behind(version: number, maxRoots: number): SlipwayError {
  return new SlipwayError('root-behind', `followed ${maxRoots} root versions up to ${version}, and there are more`, {
    hint: 'They are kept where there is a place for them: try again, and it goes on from there.',
  });
}

/**
 * TUF 5.4: the old timestamp first, so that an older one is seen as a rollback. One that was signed by keys which the root
 * does not name any more is forgotten (5.3.11): whoever stole them may have raised its version to the highest there is.
 */
async function updateTimestamp(
  store: TrustedMetadataStore,
  documents: AcceptedDocuments,
  { known, fetch }: RefreshInput,
) {
  const old = known.get('timestamp');
  // An expired one still serves as the measure of rollback; it is kept only if nothing newer comes.
  if (old) accepts(() => store.updateTimestamp(buffer(old)));
  const bytes = await fetchRequired(fetch, 'timestamp.json', limits.maxTimestampBytes);
  checkStructure('timestamp', bytes);
  try {
    store.updateTimestamp(buffer(bytes));
    documents.accept('timestamp', bytes);
  } catch (error) {
    // The same version again is no news (TUF 5.4.3.1); whether the old one still holds is checked with the snapshot.
    if (!(error instanceof EqualVersionError) || !old) throw classifyRefusal('timestamp', error);
    documents.keep('timestamp', old);
  }
}

/** TUF 5.5: the old snapshot first, so that no role disappears or goes back. */
async function updateSnapshot(
  store: TrustedMetadataStore,
  documents: AcceptedDocuments,
  { known, fetch }: RefreshInput,
) {
  const old = known.get('snapshot');
  if (old && accepts(() => store.updateSnapshot(buffer(old), true))) {
    documents.keep('snapshot', old);
    return;
  }
  const meta = store.timestamp?.signed.snapshotMeta;
  const name = `${meta?.version}.snapshot.json`;
  const bytes = await fetchRequired(fetch, name, meta?.length ?? limits.maxSnapshotBytes);
  checkStructure('snapshot', bytes);
  refuse('snapshot', () => store.updateSnapshot(buffer(bytes)));
  documents.accept('snapshot', bytes);
}

/** TUF 5.6: targets roles, loaded when the walk reaches them, from the known set where it still fits. */
class DelegationWalk {
  readonly #store: TrustedMetadataStore;
  readonly #documents: AcceptedDocuments;
  readonly #input: RefreshInput;

  constructor(store: TrustedMetadataStore, documents: AcceptedDocuments, input: RefreshInput) {
    this.#store = store;
    this.#documents = documents;
    this.#input = input;
  }

  async load(role: string, parent: string): Promise<Targets> {
    const loaded = this.#store.getRole(role) as Metadata<Targets> | undefined;
    if (loaded) {
      // A role reached by two paths is checked against each delegator.
      const delegator = this.#store.getRole(parent);
      refuse(role, () => delegator?.verifyDelegate(role, loaded));
      return loaded.signed;
    }
    const old = this.#input.known.get(role);
    if (old && accepts(() => this.#store.updateDelegatedTargets(buffer(old), role, parent))) {
      this.#documents.keep(role, old);
    } else {
      const meta = this.#store.snapshot?.signed.meta[`${role}.json`];
      if (!meta) throw new SlipwayError('metadata-mismatched', `snapshot.json does not list the role ${role}`);
      const name = `${meta.version}.${encodeURIComponent(role)}.json`;
      const bytes = await fetchRequired(this.#input.fetch, name, meta.length ?? limits.maxTargetsBytes);
      checkStructure(role, bytes);
      refuse(role, () => this.#store.updateDelegatedTargets(buffer(bytes), role, parent));
      this.#documents.accept(role, bytes);
    }
    return (this.#store.getRole(role) as Metadata<Targets>).signed;
  }

  async findTarget(path: string): Promise<TargetFile | undefined> {
    const toVisit = [{ role: 'targets', parent: 'root' }];
    const visited = new Set<string>();
    for (let next = toVisit.pop(); next; next = toVisit.pop()) {
      if (visited.has(next.role)) continue;
      if (visited.size >= limits.maxDelegations) break;
      const targets = await this.load(next.role, next.parent);
      visited.add(next.role);
      const found = Object.hasOwn(targets.targets, path) ? targets.targets[path] : undefined;
      if (found) return found;
      const children: typeof toVisit = [];
      for (const child of targets.delegations?.rolesForTarget(path) ?? []) {
        children.push({ role: child.role, parent: next.role });
        // A terminating delegation ends the search below it (TUF 5.6.7.2.1).
        if (child.terminating) {
          toVisit.length = 0;
          break;
        }
      }
      toVisit.push(...children.reverse());
    }
    return undefined;
  }

  async delegatedTargets(role: string): Promise<Targets | undefined> {
    if (!productRoles(this.#store.targets?.signed).includes(role)) return undefined;
    return this.load(role, 'targets');
  }

  async *partsOf(product: string): AsyncGenerator<ProductPart> {
    const signed = await this.delegatedTargets(product);
    const delegation = this.#store.targets?.signed.delegations?.roles?.[product];
    if (!signed || !delegation) return;
    yield partOf(product, signed, (path) => delegation.isDelegatedPath(path));
    const bins = Object.values(signed.delegations?.roles ?? {}).filter(({ name }) => isBinRole(name));
    for (const bin of bins) {
      const isOfBin = (path: string) => delegation.isDelegatedPath(path) && bin.isDelegatedPath(path);
      yield partOf(bin.name, await this.load(bin.name, product), isOfBin);
    }
  }
}

async function fetchRequired(fetch: FetchMetadata, name: string, maxBytes: number): Promise<Uint8Array> {
  const bytes = await fetch(name, maxBytes);
  if (bytes && bytes.length <= maxBytes) return bytes;
  if (bytes) throw tooLarge(name, maxBytes);
  throw new SlipwayError('metadata-missing', `the repository has no ${name}`, {
    hint: 'Wait for the publisher to finish, or check the store.',
  });
}

/** Endless data. */
function tooLarge(name: string, maxBytes: number): SlipwayError {
  return new SlipwayError('metadata-too-large', `${name} is longer than ${maxBytes} bytes`);
}

function refuse<T>(role: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw classifyRefusal(role, error);
  }
}

/** True when a document of the known set still passes; one that does not is fetched anew. */
function accepts(check: () => unknown): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
