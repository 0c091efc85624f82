/**
 * A kubelet of the tests: registers its Node and renews its lease with its certificate, and says on a port of its own that
 * it is well. It renews more often than a real one (10 s), because tests wait for it, and runs no pods.
 */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { request } from 'node:https';
import { leaseOf, nodeOf, pathsOf } from './api-server.ts';

export interface KubeletFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What is wrong with it, and what it says of itself. */
export interface KubeletFaults {
  /** Instead of what its release is. */
  readonly version?: string;
  readonly isNeverReady?: boolean;
  /** It registers and does not renew. */
  readonly hasStaleLease?: boolean;
  /** Its healthz says 500. */
  readonly isUnwell?: boolean;
}

export interface KubeletSettings {
  readonly name: string;
  readonly version: string;
  readonly server: string;
  readonly files: KubeletFiles;
  readonly healthzPort: number;
  readonly faults: KubeletFaults;
}

const renewMs = 300;

export function startKubelet({ name, version, server, files, healthzPort, faults }: KubeletSettings): Server {
  const healthz = createServer((_, response) => response.writeHead(faults.isUnwell ? 500 : 200).end('ok'));
  healthz.listen(healthzPort, '127.0.0.1');
  const { node, lease } = pathsOf(name);
  const first = microTime();
  const tell = () => {
    put(server, node, files, nodeOf(name, faults.version ?? version, !faults.isNeverReady));
    put(server, lease, files, leaseOf(name, faults.hasStaleLease ? first : microTime()));
  };
  tell();
  const timer = setInterval(tell, renewMs);
  healthz.on('close', () => clearInterval(timer));
  return healthz;
}

/** As a kubelet writes it: an API server refuses the time of a lease with fewer digits. */
function microTime(): string {
  return new Date().toISOString().replace('Z', '000Z');
}

function put(server: string, path: string, files: KubeletFiles, object: object): void {
  const [ca, cert, key] = [files.ca, files.cert, files.key].map((file) => readFileSync(file, 'utf8'));
  const asked = request(new URL(path, server), { ...{ method: 'PUT', ca, cert, key }, agent: false });
  asked.on('response', (answer) => answer.resume());
  // It goes on where nobody answers, as a real one does.
  asked.on('error', () => undefined);
  asked.end(JSON.stringify(object));
}
