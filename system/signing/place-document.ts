/**
 * Puts a signed document under the next free version. Names are created once, so a publisher that died half-way
 * leaves names behind: what it left is taken over when it says the same, and stepped over when it does not.
 */
import { Metadata, type MetadataKind, type Root, type Snapshot, type Targets } from '@tufjs/models';
import { isSameJson } from '../../contract/canonical-json.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import type { StoreWriter } from '../store/writer.ts';
import { isHalfSpent, type Lifetimes } from './lifetimes.ts';
import { documentKey, type SignedDocument, type SignedPart, signDocument } from './signed-document.ts';
import type { SigningKey } from './signing-key.ts';

/** Names stepped over before this is called contention: each is one abandoned or lost publish. */
const maxVersionsTried = 1000;

interface Placement<T extends Snapshot | Targets> {
  readonly role: string;
  readonly lifetime: 'snapshot' | 'product' | 'targets';
  /** The first version to try. */
  readonly from: number;
  readonly make: (version: number) => T;
  /** Authorised for the role; as many as its threshold at least. */
  readonly keys: readonly SigningKey[];
  /** The document that names the role's keys. */
  readonly delegator: Metadata<Root> | Metadata<Targets>;
  readonly now: Date;
  readonly lifetimes?: Lifetimes;
}

/** @throws SlipwayError `publish-contended` when no name is free */
export async function placeDocument<T extends Snapshot | Targets>(
  store: StoreWriter,
  placement: Placement<T>,
): Promise<SignedDocument<T>> {
  const { role, from, make, keys } = placement;
  for (let version = from; version < from + maxVersionsTried; version++) {
    const document = signDocument(role, make(version), keys);
    if ((await store.putNew(documentKey(document), document.bytes)) === 'created') return document;
    const there = await store.readWhole(documentKey(document), limits.maxTargetsBytes);
    const adopted = there && adopt(there.bytes, document, placement);
    if (adopted) return adopted;
  }
  throw new SlipwayError('publish-contended', `the next ${maxVersionsTried} versions of ${role} are taken`);
}

/** The document that is there, if it is validly signed, says the same but for `expires`, and holds long enough. */
function adopt<T extends Snapshot | Targets>(
  bytes: Uint8Array,
  wanted: SignedDocument<T>,
  { role, lifetime, delegator, now, lifetimes }: Placement<T>,
): SignedDocument<T> | undefined {
  const found = sameButExpiry(bytes, wanted, delegator);
  return found && !isHalfSpent(lifetime, found.expires, now, lifetimes) ? { role, signed: found, bytes } : undefined;
}

/** What `bytes` say, when the delegator's keys signed it and it differs from `wanted` in `expires` at most. */
export function sameButExpiry<T extends SignedPart>(
  bytes: Uint8Array,
  wanted: SignedDocument<T>,
  delegator: Metadata<Root> | Metadata<Targets>,
): T | undefined {
  try {
    const json = JSON.parse(new TextDecoder().decode(bytes));
    const found = Metadata.fromJSON(wanted.signed.type as MetadataKind.Root, json);
    delegator.verifyDelegate(wanted.role, found);
    const same = isSameJson(withoutExpiry(found.signed), withoutExpiry(wanted.signed));
    return same ? (found.signed as SignedPart as T) : undefined;
  } catch {
    return undefined;
  }
}

function withoutExpiry(signed: SignedPart): object {
  return { ...signed.toJSON(), expires: null };
}
