/**
 * The certificates of a cluster of the tests, as K3s and K0s lay them out: one authority for servers and one for clients.
 * openssl makes them.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export class ClusterCertificates {
  readonly #folder: string;

  /** @param folder one that was used before is used again */
  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
    for (const authority of ['server-ca', 'client-ca']) this.#make(authority, `/CN=k3s-${authority}`, []);
  }

  get serverCa(): string {
    return readFileSync(this.#file('server-ca', 'crt'), 'utf8');
  }

  get clientCa(): string {
    return readFileSync(this.#file('client-ca', 'crt'), 'utf8');
  }

  serving(): Pair {
    const names = 'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes';
    return this.#signed('serving', '/CN=kube-apiserver', 'server-ca', ['-addext', names]);
  }

  admin(): Pair {
    return this.#signed('admin', '/O=system:masters/CN=system:admin', 'client-ca');
  }

  kubelet(nodeName: string): Pair {
    return this.#signed(`kubelet-${nodeName}`, `/O=system:nodes/CN=system:node:${nodeName}`, 'client-ca');
  }

  /** Of an administrator, signed by somebody else. */
  stranger(): Pair {
    return this.#make('stranger', '/O=system:masters/CN=system:admin', []);
  }

  #signed(name: string, subject: string, authority: string, more: readonly string[] = []): Pair {
    const by = ['-CA', this.#file(authority, 'crt'), '-CAkey', this.#file(authority, 'key')];
    return this.#make(name, subject, [...by, ...more]);
  }

  #make(name: string, subject: string, more: readonly string[]): Pair {
    const [cert, key] = [this.#file(name, 'crt'), this.#file(name, 'key')];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '365'];
    execFileSync('openssl', ['req', '-x509', ...curve, '-subj', subject, '-keyout', key, '-out', cert, ...more], {
      stdio: 'ignore',
    });
    return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  }

  #file(name: string, ending: 'crt' | 'key'): string {
    return path.join(this.#folder, `${name}.${ending}`);
  }
}
