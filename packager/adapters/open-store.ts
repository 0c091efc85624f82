/** A store URL as the adapter that serves it. */
import { parseStoreUrl } from '../../contract/store-url.ts';
import type { Store } from '../publish/ports.ts';
import { DirectoryStore } from './directory-store.ts';
import { S3Store } from './s3-store.ts';

/** @throws SlipwayError `store-url-invalid` */
export function openStore(url: string, env: NodeJS.ProcessEnv): Store {
  const location = parseStoreUrl(url);
  return location.kind === 'directory' ? new DirectoryStore(location.folder) : new S3Store(location, env);
}
