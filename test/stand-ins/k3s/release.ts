/** Makes a k3s of the tests: a small file to install, and the payload that it unpacks. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { marksOfK3s } from '../go-marks.ts';
import type { ClusterCertificates } from '../kubernetes/certificates.ts';
import { writeClusterFiles } from '../kubernetes/cluster-files.ts';
import type { KubeletFaults } from '../kubernetes/kubelet.ts';
import { compile, compiledInMachine, compileLauncher } from '../launcher.ts';
import { nodeCertificate } from '../node-certificate.ts';
import { type Behaviour, writeBehaviour } from './behaviour.ts';

export interface K3sRelease {
  /** With its `v`: `v1.33.9+k3s1`. */
  readonly version: string;
  /** What it does at a start; see behaviour.ts. */
  readonly behaviour?: Partial<Behaviour>;
  /** Name in the certificate of its kubelet; none: it has no certificate yet. */
  readonly nodeName?: string;
  /** Its API and its kubelet are served with these certificates, for `nodeName`. */
  readonly cluster?: ClusterCertificates;
  readonly faults?: KubeletFaults;
  /** Where it will lie and what will run it, in a machine that has its own paths. */
  readonly installed?: { readonly folder: string; readonly node: string; readonly sources: string };
}

export interface MadeK3s {
  /** The file to install. */
  readonly program: string;
  readonly payloadHash: string;
}

/** @param folder has to stay where it is as long as the program is used */
export function makeK3s(
  folder: string,
  { version, nodeName, cluster, faults = {}, installed, behaviour }: K3sRelease,
): MadeK3s {
  const bin = path.join(folder, 'payload', 'bin');
  mkdirSync(bin, { recursive: true });
  const hash = createHash('sha256').update(`k3s ${version}`).digest('hex');
  const { node, sources } = installed ?? { node: process.execPath, sources: path.dirname(import.meta.dirname) };
  const versionText = `k3s version ${version} (${hash.slice(0, 8)})\ngo version go1.24.13`;
  const compiled = installed ? compiledInMachine : '';
  compileLauncher(path.join(bin, 'k3s'), {
    ...{ versionText, node, program: path.join(sources, 'k3s', 'server.ts'), compiled },
  });
  const payload = path.join(folder, 'payload');
  if (nodeName !== undefined && cluster) {
    writeClusterFiles(payload, cluster, nodeName);
    writeFileSync(path.join(payload, 'kubelet.json'), JSON.stringify({ version, nodeName, faults }));
  } else if (nodeName !== undefined) nodeCertificate(payload, nodeName);
  writeBehaviour(payload, { version, ...behaviour });
  writeFileSync(path.join(folder, 'release.json'), JSON.stringify({ hash }));
  const program = path.join(folder, 'k3s');
  const multicall = path.join(sources, 'k3s', 'multicall.ts');
  const texts = {
    ...{ VERSION_TEXT: versionText, NODE: node, COMPILED: compiled },
    ...{ PROGRAM: multicall, FOLDER: installed?.folder ?? folder },
  };
  compile(program, 'k3s/multicall.c', texts, marksOfK3s(version, hash));
  return { program, payloadHash: hash };
}
