/** Makes a k0s of the tests: one program, which the kernel shows as itself. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { marksOfK0s } from '../go-marks.ts';
import type { Behaviour } from '../k3s/behaviour.ts';
import type { ClusterCertificates } from '../kubernetes/certificates.ts';
import { writeClusterFiles } from '../kubernetes/cluster-files.ts';
import { compiledInMachine, compileLauncher } from '../launcher.ts';
import { nodeCertificate } from '../node-certificate.ts';

export interface K0sRelease {
  /** With its `v`: `v1.33.9+k0s.0`. */
  readonly version: string;
  readonly nodeName?: string;
  /** What it does at a start, of those of the k3s stand-in that k0s.ts knows. */
  readonly behaviour?: Pick<Behaviour, 'storageVersion' | 'members'> & { readonly ends?: 'well' | 'exits' };
  /** Its API and its kubelet are served with these certificates, for `nodeName`. */
  readonly cluster?: ClusterCertificates;
  /** In a machine that has its own paths. */
  readonly installed?: { readonly folder: string; readonly node: string; readonly sources: string };
}

/** @returns the program, and what the stand-in has to find in its environment */
export function makeK0s(
  folder: string,
  { version, nodeName, cluster, installed, behaviour = { storageVersion: 1 } }: K0sRelease,
) {
  mkdirSync(folder, { recursive: true });
  const program = path.join(folder, 'k0s');
  const { node, sources } = installed ?? { node: process.execPath, sources: path.dirname(import.meta.dirname) };
  const launcher = { versionText: version, node, program: path.join(sources, 'k0s', 'k0s.ts') };
  const compiled = installed ? compiledInMachine : '';
  compileLauncher(program, { ...launcher, compiled, behaviour: JSON.stringify(behaviour) }, marksOfK0s(version));
  const certificate = path.join(folder, 'kubelet.pem');
  if (nodeName !== undefined) {
    const { cert, key } = nodeCertificate(folder, nodeName);
    writeFileSync(certificate, cert + key, { mode: 0o600 });
  }
  const inside = installed === undefined ? certificate : path.join(installed.folder, 'kubelet.pem');
  const environment = { STAND_IN_VERSION: version, STAND_IN_CERTIFICATE: inside };
  if (nodeName === undefined || cluster === undefined) return { program, environment };
  writeClusterFiles(folder, cluster, nodeName);
  const here = { STAND_IN_CLUSTER: installed?.folder ?? folder, STAND_IN_NODE: nodeName };
  return { program, environment: { ...environment, ...here } };
}
