/** The certificates of a cluster as files that come with a release of the tests: a small machine has no openssl. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ClusterCertificates, Pair } from './certificates.ts';

export interface ClusterFiles {
  readonly serverCa: string;
  readonly clientCa: string;
  readonly serving: Pair;
  readonly admin: Pair;
  readonly kubelet: Pair;
}

export function writeClusterFiles(folder: string, certificates: ClusterCertificates, nodeName: string): void {
  const files: ClusterFiles = {
    ...{ serverCa: certificates.serverCa, clientCa: certificates.clientCa, serving: certificates.serving() },
    ...{ admin: certificates.admin(), kubelet: certificates.kubelet(nodeName) },
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'cluster.json'), JSON.stringify(files), { mode: 0o600 });
}

/** Undefined for a release that came without. */
export function readClusterFiles(folder: string): ClusterFiles | undefined {
  try {
    return JSON.parse(readFileSync(path.join(folder, 'cluster.json'), 'utf8'));
  } catch {
    return undefined;
  }
}
