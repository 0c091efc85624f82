/** A store URL as the adapter that serves it. The S3 client is loaded only where it is needed: it is large. */
import { parseStoreUrl } from '../../contract/store-url.ts';
import type { Store } from '../publish/ports.ts';
import { DirectoryStore } from './directory-store.ts';

/** @throws SlipwayError `store-url-invalid` */
export async function openStore(url: string, env: NodeJS.ProcessEnv): Promise<Store> {
  const location = parseStoreUrl(url);
  if (location.kind === 'directory') return new DirectoryStore(location.folder);
  const { S3Store } = await import('./s3-store.ts');
  return new S3Store(location, env);
}
