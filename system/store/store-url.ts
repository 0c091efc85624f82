/**
 * Parses the place of a store as a person writes it: `/folder` or `./folder`, `file:///absolute/folder`, or
 * `s3://bucket/prefix`. Every program and file takes the same form. For services other than Amazon's,
 * `?endpoint=https://host&region=name` may follow.
 */
import { SlipwayError } from '../../contract/errors.ts';

export type StoreLocation =
  | { readonly kind: 'directory'; readonly folder: string }
  | {
      readonly kind: 's3';
      readonly bucket: string;
      /** Empty, or ends with `/`. */
      readonly prefix: string;
      /** Undefined: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL decide, else Amazon. */
      readonly endpoint?: string;
      readonly region?: string;
    };

const bucketPattern = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const prefixPattern = /^[A-Za-z0-9._/-]*$/;

/** A path that nobody can take for a URL or the name of a bucket. */
const pathPattern = /^(\/|\.\.?(\/|$))/;

/**
 * @returns a folder given as a path stays as it was written, relative to where the program runs
 * @throws SlipwayError `store-url-invalid`
 */
export function parseStoreUrl(text: string): StoreLocation {
  if (pathPattern.test(text)) return { kind: 'directory', folder: withoutEnd(text) };
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw invalid('it is not a URL');
  }
  if (url.username || url.password) throw invalid('it carries credentials, which belong into the environment');
  if (url.protocol === 'file:') return directory(url);
  if (url.protocol === 's3:') return bucket(url);
  throw invalid(`its scheme is ${url.protocol.slice(0, -1)}`);
}

function directory(url: URL): StoreLocation {
  if (url.host) throw invalid('a file URL has three slashes before the folder');
  if (url.search || url.hash) throw invalid('a file URL has no options');
  return { kind: 'directory', folder: withoutEnd(decoded(url.pathname)) };
}

function withoutEnd(folder: string): string {
  if (folder.includes('\0')) throw invalid('it has a zero byte');
  return folder.replace(/(?<=.)\/+$/, '');
}

/** Escapes as they are meant; a `%` that begins none stands for itself, as people write it. */
function decoded(pathname: string): string {
  try {
    return pathname.replace(/(?:%[0-9A-Fa-f]{2})+/g, decodeURIComponent);
  } catch {
    throw invalid('its escapes with % are not UTF-8; a % itself is written %25');
  }
}

function bucket(url: URL): StoreLocation {
  if (!bucketPattern.test(url.host)) throw invalid('the name of the bucket is not valid');
  const prefix = decoded(url.pathname).replace(/^\/+|\/+$/g, '');
  if (!prefixPattern.test(prefix) || prefix.split('/').includes('..')) throw invalid('the prefix has odd characters');
  for (const name of url.searchParams.keys()) {
    if (name !== 'endpoint' && name !== 'region') throw invalid(`the option ${name} is unknown`);
  }
  const endpoint = url.searchParams.get('endpoint');
  const region = url.searchParams.get('region');
  if (endpoint !== null && !/^https?:\/\/[^/@?#]+\/?$/.test(endpoint)) {
    throw invalid('the endpoint is not the http(s) URL of a host alone');
  }
  return {
    kind: 's3',
    bucket: url.host,
    prefix: prefix === '' ? '' : `${prefix}/`,
    ...(endpoint === null ? {} : { endpoint }),
    ...(region === null ? {} : { region }),
  };
}

function invalid(why: string): SlipwayError {
  return new SlipwayError(
    'store-url-invalid',
    `expected /folder, file:///folder or s3://bucket/prefix as the store, but ${why}`,
    {
      hint: 'For example /srv/slipway, ./store or s3://releases/edge?endpoint=https://s3.example.org',
    },
  );
}
