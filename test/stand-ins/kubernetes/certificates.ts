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

const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

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

  /** Known to the cluster, and in no group that may do anything. */
  nobody(): Pair {
    return this.#signed('nobody', '/CN=nobody', 'client-ca');
  }

  /** Of an administrator, and it ended yesterday. */
  expired(): Pair {
    const [request, cert, key] = [
      this.#file('expired', 'csr'),
      this.#file('expired', 'crt'),
      this.#file('expired', 'key'),
    ];
    const subject = ['-subj', '/O=system:masters/CN=system:admin', '-keyout', key, '-out', request];
    openssl(['req', '-new', ...curve, ...subject]);
    openssl(['x509', '-req', '-in', request, '-days', '-1', ...this.#by('client-ca'), '-out', cert]);
    return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  }

  /** Of an administrator, signed by somebody else. */
  stranger(): Pair {
    return this.#make('stranger', '/O=system:masters/CN=system:admin', []);
  }

  #signed(name: string, subject: string, authority: string, more: readonly string[] = []): Pair {
    return this.#make(name, subject, [...this.#by(authority), ...more]);
  }

  #by(authority: string): string[] {
    return ['-CA', this.#file(authority, 'crt'), '-CAkey', this.#file(authority, 'key')];
  }

  #make(name: string, subject: string, more: readonly string[]): Pair {
    const [cert, key] = [this.#file(name, 'crt'), this.#file(name, 'key')];
    openssl(['req', '-x509', ...curve, '-days', '365', '-subj', subject, '-keyout', key, '-out', cert, ...more]);
    return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  }

  #file(name: string, ending: 'crt' | 'csr' | 'key'): string {
    return path.join(this.#folder, `${name}.${ending}`);
  }
}

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' });
}
