/**
 * A change of root or targets on its way from one signer to the next: a file that holds the documents before and after,
 * and the signatures so far. Whoever signs sees in words what changes; nothing else of the store is needed.
 */
import { Metadata, MetadataKind, type Root, type Targets } from '@tufjs/models';
import * as z from 'zod';
import { canonicalJson, isSameJson } from '../../contract/canonical-json.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { strictJson } from '../../contract/strict-json.ts';
import type { RoleAuthority } from '../../system/signing/signed-document.ts';
import type { SigningKey } from '../../system/signing/signing-key.ts';
import { requireAllowedChange } from './allowed-change.ts';
import type { ChangedDocuments } from './change-roles.ts';

/** Signed metadata as JSON; what is in it is read by the library of TUF. */
const documentSchema = z.record(z.string(), z.unknown());
const requestSchema = z.strictObject({
  schemaVersion: z.literal(1),
  before: z.strictObject({ root: documentSchema, targets: documentSchema }),
  after: z.strictObject({ root: documentSchema.optional(), targets: documentSchema.optional() }),
});

export interface ChangeRequest {
  readonly before: { readonly root: Metadata<Root>; readonly targets: Metadata<Targets> };
  readonly after: { readonly root: Metadata<Root> | undefined; readonly targets: Metadata<Targets> | undefined };
}

/** A role whose keys have to sign a document of the request. */
interface SignatureNeed {
  readonly document: 'root' | 'targets';
  /** `before`: the keys that are in force sign the root that follows (TUF 5.3.4). */
  readonly by: 'before' | 'after';
  readonly authority: RoleAuthority;
  /** Key ids that have signed. */
  readonly signed: readonly string[];
}

export function newRequest(before: ChangeRequest['before'], { root, targets }: ChangedDocuments): ChangeRequest {
  return {
    before,
    after: { root: root && new Metadata<Root>(root), targets: targets && new Metadata<Targets>(targets) },
  };
}

export function encodeRequest({ before, after }: ChangeRequest): Uint8Array {
  return canonicalJson({
    schemaVersion: 1,
    before: { root: before.root.toJSON(), targets: before.targets.toJSON() },
    after: {
      ...(after.root ? { root: after.root.toJSON() } : {}),
      ...(after.targets ? { targets: after.targets.toJSON() } : {}),
    },
  });
}

/**
 * @throws SlipwayError `metadata-signature-invalid` where the request says otherwise of a root that somebody knows
 */
export function requireKnownRoot({ before }: ChangeRequest, known: Uint8Array): void {
  const root = rootOf(JSON.parse(new TextDecoder().decode(known)));
  if (
    root.signed.version !== before.root.signed.version ||
    isSameJson(root.signed.toJSON(), before.root.signed.toJSON())
  )
    return;
  throw new SlipwayError('metadata-signature-invalid', 'the request says otherwise of the root that was given', {
    hint: 'Do not sign it. Ask the one who made it, by another way.',
  });
}

/** @throws SlipwayError `metadata-malformed`, `metadata-signature-invalid`, `usage` */
export function decodeRequest(bytes: Uint8Array, name: string): ChangeRequest {
  try {
    const { before, after } = requestSchema.parse(strictJson(bytes));
    const request: ChangeRequest = {
      before: { root: rootOf(before.root), targets: targetsOf(before.targets) },
      after: { root: after.root && rootOf(after.root), targets: after.targets && targetsOf(after.targets) },
    };
    requireSound(request);
    return request;
  } catch (cause) {
    if (cause instanceof SlipwayError) throw cause;
    throw new SlipwayError('metadata-malformed', `${name} is no request for a change of keys`, {
      cause,
      hint: 'Give the file that slipway-packager keys wrote with --out.',
    });
  }
}

/** Whose signatures the documents need, and whose they have. Signatures are counted where they verify. */
export function signatureNeeds({ before, after }: ChangeRequest): SignatureNeed[] {
  const needs: SignatureNeed[] = [];
  if (after.root) {
    needs.push(needOf('root', 'before', before.root, after.root), needOf('root', 'after', after.root, after.root));
  }
  if (after.targets) needs.push(needOf('targets', 'after', after.root ?? before.root, after.targets));
  return needs;
}

/** The documents with the signatures that count, and without any other. */
export function withCountedSignatures(request: ChangeRequest): ChangeRequest['after'] {
  const counted = new Set(signatureNeeds(request).flatMap(({ signed }) => signed));
  const only = <T extends Root | Targets>(metadata: Metadata<T>) =>
    new Metadata<T>(
      metadata.signed,
      Object.fromEntries(Object.entries(metadata.signatures).filter(([id]) => counted.has(id))),
    );
  const { root, targets } = request.after;
  return { root: root && only(root), targets: targets && only(targets) };
}

export function missingSignatures(request: ChangeRequest): SignatureNeed[] {
  return signatureNeeds(request).filter(({ authority, signed }) => signed.length < authority.threshold);
}

/**
 * Adds the signatures of these keys where their role asks for them.
 * @returns the documents that were signed by one of them for the first time
 * @throws SlipwayError `key-not-authorised` where no document asks for any of the keys
 */
export function signRequest(request: ChangeRequest, keys: readonly SigningKey[]): string[] {
  const fresh = new Set<string>();
  let isAsked = false;
  for (const { document, authority, signed } of signatureNeeds(request)) {
    const metadata = request.after[document];
    for (const key of keys.filter(({ keyId }) => authority.keyIDs.includes(keyId))) {
      isAsked = true;
      if (!metadata || signed.includes(key.keyId)) continue;
      metadata.sign((data) => key.sign(data));
      fresh.add(document);
    }
  }
  if (isAsked) return [...fresh];
  const wanted = signatureNeeds(request).flatMap(({ authority }) => authority.keyIDs.map((id) => id.slice(0, 12)));
  throw new SlipwayError('key-not-authorised', 'no document of the request asks for the given keys', {
    hint: `It is signed by keys with these ids: ${[...new Set(wanted)].join(', ')}.`,
  });
}

function needOf(
  document: 'root' | 'targets',
  by: 'before' | 'after',
  delegator: Metadata<Root>,
  metadata: Metadata<Root> | Metadata<Targets>,
): SignatureNeed {
  const { keyIDs, threshold } = delegator.signed.roles[document] ?? { keyIDs: [], threshold: 1 };
  const signed = keyIDs.filter((id) => hasSigned(delegator.signed, id, metadata));
  return { document, by, authority: { keyIDs, threshold }, signed };
}

function hasSigned(delegator: Root, keyId: string, metadata: Metadata<Root> | Metadata<Targets>): boolean {
  try {
    delegator.keys[keyId]?.verifySignature(metadata);
    return keyId in delegator.keys;
  } catch {
    return false;
  }
}

/**
 * That the repository was like this once is not proved here: a signer reads all keys that would sign, and can give the root
 * that the device pins. Publishing compares it with the store.
 * @throws SlipwayError `metadata-signature-invalid`, `metadata-malformed`, `usage`
 */
function requireSound({ before, after }: ChangeRequest): void {
  try {
    before.root.verifyDelegate('root', before.root);
    before.root.verifyDelegate('targets', before.targets);
  } catch (cause) {
    throw new SlipwayError(
      'metadata-signature-invalid',
      'what the request says of today is not signed by the repository',
      {
        cause,
        hint: 'Take the request from the one who made it again, by another way.',
      },
    );
  }
  const [root, targets] = [before.root.signed, before.targets.signed];
  requireAllowedChange(
    { root, targets },
    { root: after.root?.signed ?? root, targets: after.targets?.signed ?? targets },
  );
}

function rootOf(json: z.infer<typeof documentSchema>): Metadata<Root> {
  const { signed, signatures } = Metadata.fromJSON(MetadataKind.Root, json as never);
  // What stands beside them is signed by nobody.
  return new Metadata(signed, signatures);
}

function targetsOf(json: z.infer<typeof documentSchema>): Metadata<Targets> {
  const { signed, signatures } = Metadata.fromJSON(MetadataKind.Targets, json as never);
  return new Metadata(signed, signatures);
}
