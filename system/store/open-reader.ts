/** Opens the store that a URL names, to read it. The S3 client is loaded only where it is needed: it is large. */
import type { Environment } from '../network/proxy.ts';
import { directoryReader } from './directory-reader.ts';
import type { StoreReader } from './reader.ts';
import { parseStoreUrl } from './store-url.ts';

/** @throws SlipwayError `store-url-invalid`, and `usage` for a proxy that is none */
export async function openReader(url: string, environment: Environment): Promise<StoreReader> {
  const location = parseStoreUrl(url);
  if (location.kind === 'directory') return directoryReader(location.folder);
  const [{ s3PlaceOf }, { s3Reader }] = await Promise.all([import('./s3-client.ts'), import('./s3-reader.ts')]);
  return s3Reader(s3PlaceOf(location, environment));
}
