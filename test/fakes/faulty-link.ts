/**
 * A TCP proxy on loopback that breaks at an exact byte: the weak link between a device and its server. It counts the
 * bytes that the server sends to clients from the moment a fault is armed, over all connections. It knows no HTTP.
 */
import { createConnection, createServer, type Server, type Socket } from 'node:net';

/**
 * `cut`: the connection ends in an orderly way after `afterBytes` · `reset`: RST instead · `stall`: nothing more comes
 * through, the connection stays open · `flip`: the byte at offset `afterBytes` has its lowest bit changed.
 */
export interface Fault {
  readonly kind: 'cut' | 'reset' | 'stall' | 'flip';
  readonly afterBytes: number;
}

interface ArmedFault extends Fault {
  seenBytes: number;
}

export class FaultyLink {
  readonly #server: Server;
  readonly #target: { readonly host: string; port: number };
  readonly #open = new Set<Socket>();
  #armed: ArmedFault[] = [];
  #isDown = false;
  #bytesToClients = 0;
  #connections = 0;
  #fired = 0;

  /** A link from a free loopback port to `port` of `host`. */
  static async open(port: number, host = '127.0.0.1'): Promise<FaultyLink> {
    const link = new FaultyLink(host, port);
    await new Promise<void>((resolve, reject) => {
      link.#server.once('error', reject);
      link.#server.listen(0, '127.0.0.1', resolve);
    });
    return link;
  }

  private constructor(host: string, port: number) {
    this.#target = { host, port };
    this.#server = createServer((client) => this.#join(client));
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the link is not listening');
    return address.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Bytes from the server that clients were given so far, headers included. */
  get bytesToClients(): number {
    return this.#bytesToClients;
  }

  get connections(): number {
    return this.#connections;
  }

  /** Faults that happened so far. */
  get fired(): number {
    return this.#fired;
  }

  /** Arms one fault; it fires once. Faults armed together each count their own bytes. */
  arm(fault: Fault): void {
    this.#armed.push({ ...fault, seenBytes: 0 });
  }

  /** Where new connections go: a server that came back on another port. */
  retarget(port: number): void {
    this.#target.port = port;
  }

  /** Breaks every connection and refuses new ones until `raise`. */
  drop(): void {
    this.#isDown = true;
    for (const socket of this.#open) socket.resetAndDestroy();
  }

  raise(): void {
    this.#isDown = false;
  }

  async close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #join(client: Socket): void {
    if (this.#isDown) {
      client.resetAndDestroy();
      return;
    }
    this.#connections++;
    const upstream = createConnection(this.#target.port, this.#target.host);
    for (const [socket, peer] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#open.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => peer.destroy());
      socket.on('close', () => {
        this.#open.delete(socket);
        peer.destroy();
      });
    }
    client.pipe(upstream);
    upstream.on('data', (chunk) => this.#deliver(chunk, upstream, client));
    upstream.on('end', () => client.end());
    client.on('drain', () => upstream.resume());
  }

  #deliver(chunk: Buffer, upstream: Socket, client: Socket): void {
    const due = this.#armed.filter((fault) => fault.seenBytes + chunk.length > fault.afterBytes);
    let passed = chunk.length;
    let ending: Fault['kind'] | undefined;
    for (const fault of due) {
      const offset = fault.afterBytes - fault.seenBytes;
      if (fault.kind === 'flip') chunk.writeUInt8(chunk.readUInt8(offset) ^ 1, offset);
      else if (offset < passed || ending === undefined) {
        passed = Math.min(passed, offset);
        ending = fault.kind;
      }
    }
    this.#armed = this.#armed.filter((fault) => !due.includes(fault));
    this.#fired += due.length;
    for (const fault of this.#armed) fault.seenBytes += passed;
    this.#bytesToClients += passed;
    const hasRoom = client.write(chunk.subarray(0, passed));
    if (ending === undefined) {
      if (!hasRoom) upstream.pause();
    } else this.#break(ending, upstream, client);
  }

  #break(kind: Fault['kind'], upstream: Socket, client: Socket): void {
    upstream.removeAllListeners('data');
    upstream.pause();
    client.removeAllListeners('drain');
    if (kind === 'cut') client.end(() => upstream.destroy());
    // What was written before must arrive, or the byte would not be exact.
    if (kind === 'reset') client.write('', () => client.resetAndDestroy());
  }
}
