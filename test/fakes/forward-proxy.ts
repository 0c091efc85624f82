/**
 * An HTTP proxy on loopback, as small as the protocol (RFC 9110 9.3.6, 7.1): CONNECT and absolute-form. It alone knows
 * where names lead, so what reaches them went through it.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createConnection, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export interface ForwardProxyOptions {
  /** `user:password` that it asks for. */
  readonly credentials?: string;
  /** Answers each CONNECT so. */
  readonly status?: number;
}

export class ForwardProxy {
  readonly #server: Server;
  readonly #options: ForwardProxyOptions;
  readonly #open = new Set<Duplex>();
  /** Loopback ports by name and port, `store.example.test:443`. */
  readonly leads = new Map<string, number>();
  /** `CONNECT host:port` and `GET http://…`, in order. */
  readonly asked: string[] = [];

  static async open(options: ForwardProxyOptions = {}): Promise<ForwardProxy> {
    const proxy = new ForwardProxy(options);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  private constructor(options: ForwardProxyOptions) {
    this.#options = options;
    this.#server = createServer((incoming, outgoing) => this.#forward(incoming, outgoing));
    this.#server.on('connect', (incoming, socket) => this.#tunnel(incoming, socket));
    this.#server.on('connection', (socket) => {
      this.#open.add(socket);
      socket.on('close', () => this.#open.delete(socket));
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** With the credentials that it asks for. */
  get urlWithCredentials(): string {
    return `http://${this.#options.credentials}@127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #isAllowed({ headers }: IncomingMessage): boolean {
    const { credentials } = this.#options;
    const expected = `Basic ${Buffer.from(credentials ?? '').toString('base64')}`;
    return credentials === undefined || headers['proxy-authorization'] === expected;
  }

  #tunnel(incoming: IncomingMessage, client: Duplex): void {
    const target = incoming.url ?? '';
    this.asked.push(`CONNECT ${target}`);
    client.on('error', () => undefined);
    const port = this.leads.get(target);
    const status = this.#isAllowed(incoming) ? (this.#options.status ?? (port === undefined ? 502 : 200)) : 407;
    if (status !== 200 || port === undefined) {
      const ask = status === 407 ? 'proxy-authenticate: Basic realm="test"\r\n' : '';
      client.end(`HTTP/1.1 ${status} No\r\n${ask}content-length: 0\r\n\r\n`);
      return;
    }
    const upstream: Socket = createConnection(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      client.pipe(upstream).pipe(client);
    });
    this.#open.add(upstream);
    upstream.on('error', () => client.destroy());
    upstream.on('close', () => {
      this.#open.delete(upstream);
      client.destroy();
    });
    client.on('close', () => upstream.destroy());
  }

  #forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    this.asked.push(`${incoming.method} ${incoming.url}`);
    const url = new URL(incoming.url ?? '', 'http://none.invalid');
    const port = this.leads.get(`${url.hostname}:${url.port || '80'}`);
    if (!this.#isAllowed(incoming) || port === undefined) {
      outgoing.writeHead(port === undefined ? 502 : 407).end();
      return;
    }
    const { 'proxy-authorization': _, 'proxy-connection': __, ...headers } = incoming.headers;
    const { pathname, search } = url;
    const upstream = request(
      { port, host: '127.0.0.1', method: incoming.method, path: pathname + search, headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    upstream.on('error', () => outgoing.destroy());
    incoming.pipe(upstream);
  }
}
