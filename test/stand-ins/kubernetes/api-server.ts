/**
 * An API server of the tests: HTTPS that knows clients by their certificates and nobody else (anonymous-auth=false, as K3s
 * and K0s set it), with /readyz and the Nodes, leases and pods that a kubelet or a test puts there. Who may ask what is as a
 * real one answered (authorization modes Node and RBAC), which cluster.long.test.ts asks too; it has no watch, no admission
 * and no other resource.
 */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { forbidden, type Named, notFound, type Refusal, unauthorized } from './api-refusals.ts';
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
  /** Status of /readyz; 500 with a line for each check. */
  isReady = true;
  /** One that starts has not read them yet: nobody but an administrator may do anything. */
  hasRoles = true;
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
    const say = (status: number, body: object | string, type = isText(body) ? plainText : 'application/json') => {
      response.writeHead(status, { 'content-type': type });
      response.end(isText(body) ? body : `${JSON.stringify(body)}\n`);
    };
    const refuse = (refusal: Refusal) => say(refusal.code, refusal);
    // A client that does not wait takes its certificate with it.
    const user = userOf(request.socket as TLSSocket);
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    if (user === undefined) return refuse(unauthorized);
    if (!this.hasRoles && user !== 'system:admin') return refuse(forbidden(user, { path: pathname }));
    if (pathname === '/readyz') return this.isReady ? say(200, 'ok') : say(500, notReady);
    const text = this.texts.get(pathname);
    if (text !== undefined) {
      if (pathname === '/version') return say(200, text, 'application/json');
      return user === 'system:admin' ? say(200, text, metricsText) : refuse(forbidden(user, { path: pathname }));
    }
    if (pathname === '/api/v1/pods') {
      const [, node] = /^spec\.nodeName=(.+)$/.exec(searchParams.get('fieldSelector') ?? '') ?? [];
      if (!mayRead(user, node)) return refuse(forbidden(user, { verb: 'list', resource: 'pods' }));
      return say(200, { kind: 'PodList', items: this.#podsOf(node) });
    }
    const named = namedIn(pathname);
    if (named === undefined) return say(404, '404 page not found\n');
    if (!mayRead(user, named.name)) return refuse(forbidden(user, { verb: 'get', ...named }));
    if (request.method === 'PUT') {
      this.objects.set(pathname, JSON.parse(Buffer.concat(await request.toArray()).toString()));
      return say(200, {});
    }
    const found = this.objects.get(pathname);
    return found ? say(200, found) : refuse(notFound(named));
  }

  /** In the order of their keys in a datastore. */
  #podsOf(node: string | undefined): PodOfTest[] {
    const keyOf = ({ metadata }: PodOfTest) => `${metadata.namespace}/${metadata.name}`;
    const found = this.pods.filter(({ spec }) => node === undefined || spec.nodeName === node);
    return found.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }
}

const plainText = 'text/plain; charset=utf-8';
const metricsText = 'text/plain; version=0.0.4; charset=utf-8';
/** Its checks in their order; the first that fails is far down in a real one. */
const notReady = '[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\nreadyz check failed\n';

function isText(body: object | string): body is string {
  return typeof body === 'string';
}

/** The resource that a path names one of. */
function namedIn(pathname: string): Named | undefined {
  const [, node] = /^\/api\/v1\/nodes\/([^/]+)$/.exec(pathname) ?? [];
  if (node !== undefined) return { resource: 'nodes', name: node };
  const [, group, namespace, lease] =
    /^\/apis\/(coordination\.k8s\.io)\/v1\/namespaces\/(kube-node-lease)\/leases\/([^/]+)$/.exec(pathname) ?? [];
  return lease === undefined ? undefined : { resource: 'leases', name: lease, group, namespace };
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

export const pathsOf = (name: string) => ({
  node: `/api/v1/nodes/${name}`,
  lease: `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${name}`,
});

export function nodeOf(name: string, kubeletVersion: string, isReady: boolean) {
  const ready = isReady ? { status: 'True', reason: 'KubeletReady' } : { status: 'False', reason: 'KubeletNotReady' };
  const conditions = [
    { type: 'MemoryPressure', status: 'False' },
    { type: 'Ready', ...ready },
  ];
  return { kind: 'Node', metadata: { name }, status: { conditions, nodeInfo: { kubeletVersion } } };
}

export function leaseOf(name: string, renewTime: string) {
  return { kind: 'Lease', metadata: { name }, spec: { holderIdentity: name, leaseDurationSeconds: 40, renewTime } };
}
