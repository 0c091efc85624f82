/** Writes a JSON value in its one byte form (RFC 8785), so that the same release always has the same digest. */
import canonicalize from 'canonicalize';

export function canonicalJson(value: unknown): Uint8Array {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError('not a JSON value');
  return new TextEncoder().encode(text);
}

/** Whether two JSON values say the same; undefined is null. */
export function isSameJson(a: unknown, b: unknown): boolean {
  return canonicalize(a ?? null) === canonicalize(b ?? null);
}
