/** Decides preconditions and ranges by RFC 9110 for content that never changes and has a strong ETag. Pure. */
import type { ByteRange } from '../../system/store/reader.ts';

interface Preconditions {
  readonly method: 'GET' | 'HEAD';
  /** Fields as they came; undefined where absent. */
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly ifRange: string | undefined;
  readonly range: string | undefined;
}

interface Representation {
  /** Strong, quotes included. */
  readonly etag: string;
  /** Bytes in all. */
  readonly length: number;
}

type Selection =
  | { readonly status: 200 }
  | { readonly status: 206; readonly range: ByteRange }
  | { readonly status: 304 | 412 | 416 };

/** In the order of RFC 9110 section 13.2.2. */
export function select(conditions: Preconditions, representation: Representation): Selection {
  const { etag } = representation;
  if (conditions.ifMatch !== undefined && !matchesStrongly(conditions.ifMatch, etag)) return { status: 412 };
  if (conditions.ifNoneMatch !== undefined && matchesWeakly(conditions.ifNoneMatch, etag)) return { status: 304 };
  // Range means something for GET alone (14.2); a date in If-Range cannot match what has no Last-Modified (13.1.5).
  if (conditions.method !== 'GET' || conditions.range === undefined) return { status: 200 };
  if (conditions.ifRange !== undefined && conditions.ifRange.trim() !== etag) return { status: 200 };
  const range = parseRange(conditions.range, representation.length);
  if (range === 'ignored') return { status: 200 };
  return range === 'unsatisfiable' ? { status: 416 } : { status: 206, range };
}

/**
 * One range of bytes (14.1.2). Another unit, bad syntax and several ranges are `ignored`: the answer is the whole, as
 * 14.2 allows, because S3 serves single ranges only.
 */
export function parseRange(field: string, length: number): ByteRange | 'ignored' | 'unsatisfiable' {
  const [, firstText, lastText] = /^bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(field) ?? [];
  if (firstText === undefined || lastText === undefined || (firstText === '' && lastText === '')) return 'ignored';
  if (firstText === '') {
    const suffix = Number(lastText);
    if (suffix === 0 || length === 0) return 'unsatisfiable';
    return { first: Math.max(0, length - suffix), last: length - 1 };
  }
  const first = Number(firstText);
  const last = lastText === '' ? length - 1 : Math.min(Number(lastText), length - 1);
  if (lastText !== '' && Number(lastText) < first) return 'ignored';
  return first >= length ? 'unsatisfiable' : { first, last };
}

/** If-Match compares strongly (13.1.1): a weak tag never matches. */
function matchesStrongly(field: string, etag: string): boolean {
  return tagsOf(field).some((tag) => tag === '*' || tag === etag);
}

/** If-None-Match compares weakly (13.1.2). */
function matchesWeakly(field: string, etag: string): boolean {
  return tagsOf(field).some((tag) => tag === '*' || tag.replace(/^W\//, '') === etag);
}

function tagsOf(field: string): string[] {
  return field.trim() === '*' ? ['*'] : (field.match(/(W\/)?"[^"]*"/g) ?? []);
}
