/** Where a store is, as people write it: `s3://bucket/prefix`, `file:///path`, or a plain path. Opens nothing. */
import { SlipwayError } from './errors.ts';

export type StoreLocation =
  | { readonly kind: 'directory'; readonly path: string }
  /** `prefix` has no slash at either end; empty for the bucket itself. */
  | { readonly kind: 's3'; readonly bucket: string; readonly prefix: string };

/** Bucket names as S3 has them; underscores and capitals of old buckets are refused (no virtual hosting). */
const bucketPattern = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** @throws SlipwayError `store-url-invalid` */
export function parseStoreUrl(text: string): StoreLocation {
  if (!/^[a-z][a-z0-9+.-]*:/i.test(text)) {
    if (text === '') throw invalid(text, 'it is empty');
    return { kind: 'directory', path: text };
  }
  const url = URL.parse(text);
  if (!url) throw invalid(text, 'it is not a URL');
  if (url.search !== '' || url.hash !== '') throw invalid(text, 'a query or fragment has no meaning here');
  if (url.username !== '' || url.password !== '') throw invalid(text, 'credentials do not belong into it');
  if (url.protocol === 'file:') {
    if (url.host !== '') throw invalid(text, 'a file URL has three slashes');
    return { kind: 'directory', path: decodePath(text, url.pathname) };
  }
  if (url.protocol !== 's3:') throw invalid(text, `the scheme ${url.protocol} is unknown`);
  if (!bucketPattern.test(url.host)) throw invalid(text, 'the bucket name is not valid');
  const prefix = decodePath(text, url.pathname).replace(/^\/+|\/+$/g, '');
  if (prefix.split('/').some((part) => part === '.' || part === '..')) throw invalid(text, 'the prefix has dot segments');
  return { kind: 's3', bucket: url.host, prefix };
}

function decodePath(text: string, path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (cause) {
    throw invalid(text, 'its escapes are not UTF-8', cause);
  }
}

function invalid(text: string, why: string, cause?: unknown): SlipwayError {
  return new SlipwayError('store-url-invalid', `not a store: "${text}": ${why}`, {
    hint: 'Write s3://bucket/prefix, file:///path or a path.',
    cause,
  });
}
