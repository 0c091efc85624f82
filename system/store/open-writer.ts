/** Opens the store that a URL names, to write it. The S3 client is loaded only where it is needed: it is large. */
import type { Environment } from '../network/proxy.ts';
import { directoryWriter } from './directory-writer.ts';
import { parseStoreUrl } from './store-url.ts';
import type { StoreWriter } from './writer.ts';

/** @throws SlipwayError `store-url-invalid`, and `usage` for a proxy that is none */
export async function openWriter(url: string, environment: Environment): Promise<StoreWriter> {
  const location = parseStoreUrl(url);
  if (location.kind === 'directory') return directoryWriter(location.folder);
  const [{ s3PlaceOf }, { s3Writer }] = await Promise.all([import('./s3-client.ts'), import('./s3-writer.ts')]);
  return s3Writer(s3PlaceOf(location, environment));
}
