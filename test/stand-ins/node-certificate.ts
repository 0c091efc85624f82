/** The client certificate of a kubelet, whose subject is the only sure place where a node's name stands. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** PEM of the certificate and its key, as kubelets have them in one file. */
export function nodeCertificate(folder: string, nodeName: string): { readonly cert: string; readonly key: string } {
  const [certFile, keyFile] = [path.join(folder, 'kubelet.crt'), path.join(folder, 'kubelet.key')];
  const subject = ['-subj', `/O=system:nodes/CN=system:node:${nodeName}`, '-days', '365', '-nodes'];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  execFileSync('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', keyFile, '-out', certFile], {
    stdio: 'ignore',
  });
  return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
}
