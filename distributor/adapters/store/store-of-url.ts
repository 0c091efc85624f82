/** Opens the store that a URL names. The S3 client is loaded only where it is needed: it is large. */
import { proxiesOfEnvironment } from '../../../contract/proxy.ts';
import { parseStoreUrl } from '../../../contract/store-url.ts';
import type { StoreReader } from '../../catalog/ports.ts';
import { directoryStore } from './directory-store.ts';

const defaultRegion = 'us-east-1';

/** @throws SlipwayError `store-url-invalid` */
export async function openStore(url: string, environment: NodeJS.ProcessEnv): Promise<StoreReader> {
  const location = parseStoreUrl(url);
  if (location.kind === 'directory') return directoryStore(location.folder);
  const { s3Store } = await import('./s3-store.ts');
  return s3Store({
    bucket: location.bucket,
    prefix: location.prefix,
    endpoint: location.endpoint ?? environment.AWS_ENDPOINT_URL_S3 ?? environment.AWS_ENDPOINT_URL,
    region: location.region ?? environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION ?? defaultRegion,
    proxies: proxiesOfEnvironment(environment),
  });
}
