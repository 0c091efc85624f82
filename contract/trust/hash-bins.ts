/**
 * Names the hash bins of a product: roles to which its own role delegates releases by the first digits of the SHA-256 of
 * their path (TUF 4.5, `path_hash_prefixes`). A device then reads one bin instead of all releases.
 */
import { createHash } from 'node:crypto';
import { limits } from '../limits.ts';

/** Two hexadecimal digits of a path's hash: as many bins as a product may have. */
const prefixes = limits.maxHashBins;

/**
 * No product ends with a hyphen, so that a bin cannot take the name of one. Bundles of every version may carry documents of
 * such a name. @param bin from 0
 */
export function binRole(product: string, bin: number): string {
  return `${product}-${hex(bin)}-`;
}

export function isBinRole(role: string): boolean {
  return /^[a-z0-9-]+-[0-9a-f]{2}-$/.test(role);
}

/** @param bins a power of two */
export function binOf(path: string, bins: number): number {
  const [first = 0] = createHash('sha256').update(path).digest();
  return Math.floor(first / (prefixes / bins));
}

/** Those of one bin, in order. */
export function binPrefixes(bin: number, bins: number): string[] {
  const each = prefixes / bins;
  return Array.from({ length: each }, (_, at) => hex(bin * each + at));
}

/**
 * A target that is no release, in the role of a product that has bins. A packager that knows no bins takes such a role for
 * malformed; without it, that packager would find no releases there and sign a role without them.
 */
export function binsMarker(product: string): string {
  return `${product}/hash-bins`;
}

function hex(value: number): string {
  return value.toString(16).padStart(2, '0');
}
