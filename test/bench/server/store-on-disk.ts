/** A store with one blob, and a certificate, for the bench of the server. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Digest, sha256 } from '../../../contract/digest.ts';
import { blobKey } from '../../../contract/store-keys.ts';

export interface StoreOnDisk {
  /** With the store in `store`. */
  readonly folder: string;
  readonly digest: Digest;
  /** Of the blob. */
  readonly key: string;
  readonly length: number;
  /** Files. */
  readonly cert: string;
  readonly certKey: string;
}

const length = 60_000_000;

export function storeOnDisk(folder: string): StoreOnDisk {
  const bytes = randomBytes(length);
  const digest = sha256(bytes);
  const key = blobKey(digest);
  const file = path.join(folder, 'store', key);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, bytes);
  const [cert, certKey] = [path.join(folder, 'tls.crt'), path.join(folder, 'tls.key')];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', ...kind, '-subj', '/CN=localhost', '-keyout', certKey, '-out', cert], {
    stdio: 'ignore',
  });
  return { folder, digest, key, length, cert, certKey };
}
