/**
 * An API server of the tests: HTTPS that knows clients by their certificates and nobody else (anonymous-auth=false, as K3s
 * and K0s set it), with /readyz and the Nodes, leases and pods that a kubelet or a test puts there. Who may ask what is as a
 * real one answered (authorization modes Node and RBAC); it has no watch, no admission and no other resource.
 */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Pair } from './certificates.ts';

export interface PodOfTest {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName: string };
  readonly status: { readonly phase: string; readonly conditions: readonly { type: string; status: string }[] };
}

export interface ApiServerSettings {
  /** 0: any that is free. */
  readonly port: number;
  readonly serving: Pair;
  readonly clientCa: string;
}

export class ApiServer implements AsyncDisposable {
  /** Status of /readyz; 500 with a line for each check that fails. */
  isReady = true;
  /** How long each answer takes. */
  delayMs = 0;
  readonly objects = new Map<string, object>();
  /** /metrics and /version: the second is for everybody who is known. */
  readonly texts = new Map<string, string>();
  pods: PodOfTest[] = [];
  readonly asked: string[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start({ port, serving, clientCa }: ApiServerSettings): Promise<ApiServer> {
    const options = { ...serving, ca: clientCa, requestCert: true, rejectUnauthorized: false };
    const server = createServer(options);
    const api = new ApiServer(server);
    server.on('request', (request, response) => void api.#answer(request, response));
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return api;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://localhost');
    this.asked.push(pathname);
    const say = (status: number, body: object | string) => {
      const isText = typeof body === 'string';
      response.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json' });
      response.end(isText ? body : JSON.stringify(body));
    };
    // A client that does not wait takes its certificate with it.
    const user = userOf(request.socket as TLSSocket);
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    if (user === undefined) return say(401, status(401, 'Unauthorized'));
    if (pathname === '/readyz') return this.isReady ? say(200, 'ok') : say(500, '[-]etcd failed: reason withheld\n');
    const text = this.texts.get(pathname);
    if (text !== undefined) {
      const isAllowed = user === 'system:admin' || pathname === '/version';
      return isAllowed ? say(200, text) : say(403, status(403, `User "${user}" cannot get path "${pathname}"`));
    }
    const selector = searchParams.get('fieldSelector') ?? '';
    if (pathname === '/api/v1/pods') {
      const node = /^spec\.nodeName=(.+)$/.exec(selector)?.[1];
      if (!mayRead(user, node)) return say(403, status(403, `User "${user}" cannot list resource "pods"`));
      return say(200, { kind: 'PodList', items: this.pods.filter(({ spec }) => !node || spec.nodeName === node) });
    }
    const name =
      /^\/(?:api\/v1\/nodes|apis\/coordination\.k8s\.io\/v1\/namespaces\/kube-node-lease\/leases)\/([^/]+)$/.exec(
        pathname,
      )?.[1];
    if (name === undefined) return say(404, status(404, 'not found'));
    if (!mayRead(user, name)) return say(403, status(403, `User "${user}" cannot get "${name}"`));
    if (request.method === 'PUT') {
      this.objects.set(pathname, JSON.parse(Buffer.concat(await request.toArray()).toString()));
      return say(200, {});
    }
    const found = this.objects.get(pathname);
    return found ? say(200, found) : say(404, status(404, `"${name}" not found`));
  }
}

/** The common name, of a certificate that the cluster's authority signed and that has not ended. */
function userOf(socket: TLSSocket): string | undefined {
  const name = socket.authorized ? socket.getPeerCertificate().subject?.CN : undefined;
  return Array.isArray(name) ? name[0] : name;
}

/** A kubelet reads what is its own. */
function mayRead(user: string, node: string | undefined): boolean {
  return user === 'system:admin' || (node !== undefined && user === `system:node:${node}`);
}

function status(code: number, message: string): object {
  return { kind: 'Status', status: 'Failure', message, code };
}

export const pathsOf = (name: string) => ({
  node: `/api/v1/nodes/${name}`,
  lease: `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${name}`,
});

export function nodeOf(name: string, kubeletVersion: string, isReady: boolean): object {
  const ready = isReady ? { status: 'True', reason: 'KubeletReady' } : { status: 'False', reason: 'KubeletNotReady' };
  const conditions = [
    { type: 'MemoryPressure', status: 'False' },
    { type: 'Ready', ...ready },
  ];
  return { kind: 'Node', metadata: { name }, status: { conditions, nodeInfo: { kubeletVersion } } };
}

export function leaseOf(name: string, renewTime: string): object {
  return { kind: 'Lease', metadata: { name }, spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime } };
}
