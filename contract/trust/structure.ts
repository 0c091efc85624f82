/**
 * Makes checks that tuf-js does not make, on the bytes before tuf-js sees them. One key under two key ids would meet a
 * threshold of two, a threshold below one would need no signature, and an expiry that is no date never expires.
 */
import { getPublicKey } from '@tufjs/models/dist/utils/key.js';
import * as z from 'zod';
import { canonicalJson } from '../canonical-json.ts';
import { sha256 } from '../digest.ts';
import { SlipwayError } from '../errors.ts';
import { limits } from '../limits.ts';
import { strictJson } from '../strict-json.ts';

/** RFC 3339 in UTC, as TUF 4.2.1 wants it; fractions of a second are accepted. */
const expiresSchema = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/)
  .refine((text) => !Number.isNaN(Date.parse(text)));

const keySchema = z.looseObject({ keytype: z.string(), scheme: z.string(), keyval: z.record(z.string(), z.unknown()) });
const keysSchema = z
  .record(z.string(), z.unknown())
  .refine((keys) => Object.keys(keys).length <= limits.maxMetadataKeys, `more than ${limits.maxMetadataKeys} keys`)
  .pipe(z.record(z.string(), keySchema));
const roleSchema = z.looseObject({ threshold: z.number().int().min(1) });

const documentSchema = z.looseObject({
  signed: z.looseObject({
    version: z.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
    expires: expiresSchema,
    keys: keysSchema.optional(),
    roles: z.record(z.string(), roleSchema).optional(),
    delegations: z
      .looseObject({ keys: keysSchema, roles: z.array(roleSchema).max(limits.maxDelegatedRoles).optional() })
      .optional(),
  }),
});

/** @throws SlipwayError `metadata-malformed` or `metadata-key-duplicated` */
export function checkStructure(role: string, bytes: Uint8Array): void {
  let value: unknown;
  try {
    value = strictJson(bytes);
  } catch (cause) {
    throw new SlipwayError('metadata-malformed', `${role}.json is not JSON`, { cause });
  }
  const parsed = documentSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new SlipwayError('metadata-malformed', `${role}.json: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  const { keys, delegations } = parsed.data.signed;
  for (const group of [keys, delegations?.keys]) refuseDuplicateKeys(role, group ?? {});
}

/** The numbers of a key, however its text is written: in capitals, or with a point that is compressed. */
function materialOf({ keytype, scheme, keyval }: z.infer<typeof keySchema>): string {
  try {
    const { key } = getPublicKey({ keyType: keytype, scheme, keyVal: String(keyval.public) });
    return sha256(canonicalJson(key.export({ format: 'jwk' })));
  } catch {
    // What is no key verifies nothing.
    return sha256(canonicalJson(keyval));
  }
}

function refuseDuplicateKeys(role: string, keys: z.infer<typeof keysSchema>): void {
  const seen = new Map<string, string>();
  for (const [keyId, key] of Object.entries(keys)) {
    const material = materialOf(key);
    const other = seen.get(material);
    if (other !== undefined) {
      throw new SlipwayError('metadata-key-duplicated', `${role}.json has one key under the ids ${other} and ${keyId}`);
    }
    seen.set(material, keyId);
  }
}
