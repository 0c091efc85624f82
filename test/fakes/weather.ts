/**
 * An HTTP hop on loopback between one device and its server, with weather of its own: what a proxy, a portal and a weak
 * uplink do to requests. It passes everything on byte for byte while it is clear.
 */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';

/**
 * `clear` · `dying`: a blob's answer breaks off after `bytes`, and every connection after that is reset · `forbidden`:
 * 403 for each blob · `portal`: 200 with a page of 60 bytes for each blob.
 */
export type Sky = 'clear' | 'dying' | 'forbidden' | 'portal';

const page = '<html><body>Please log in to the hotel wifi</body></html>\n\n\n';

export class Weather {
  readonly #server: Server;
  readonly #target: URL;
  readonly #bytes: number;
  #sky: Sky = 'clear';
  #isDead = false;
  /** Answers that this hop made up or broke off. */
  spoilt = 0;

  /** @param bytes of a blob that come through before a dying link breaks */
  static async open(target: string, bytes: number): Promise<Weather> {
    const weather = new Weather(new URL(target), bytes);
    await new Promise<void>((resolve) => weather.#server.listen(0, '127.0.0.1', resolve));
    return weather;
  }

  private constructor(target: URL, bytes: number) {
    this.#target = target;
    this.#bytes = bytes;
    this.#server = createServer((incoming, outgoing) => this.#pass(incoming, outgoing));
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the hop is not listening');
    return `http://127.0.0.1:${address.port}`;
  }

  turn(sky: Sky): void {
    this.#sky = sky;
    this.#isDead = false;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const isBlob = incoming.url?.includes('/v1/blobs/') === true;
    if (this.#isDead) {
      incoming.socket.destroy();
      return;
    }
    if (isBlob && (this.#sky === 'forbidden' || this.#sky === 'portal')) {
      this.spoilt++;
      if (this.#sky === 'forbidden') outgoing.writeHead(403, { 'content-type': 'text/plain' }).end('no');
      else outgoing.writeHead(200, { 'content-type': 'text/html', 'content-length': page.length }).end(page);
      return;
    }
    const { hostname, port } = this.#target;
    const onward = request({ hostname, port, path: incoming.url, method: incoming.method, headers: incoming.headers });
    onward.on('error', () => incoming.socket.destroy());
    onward.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      if (isBlob && this.#sky === 'dying') this.#breakOff(answer, outgoing);
      else answer.pipe(outgoing);
    });
    incoming.pipe(onward);
  }

  #breakOff(answer: IncomingMessage, outgoing: ServerResponse): void {
    let left = this.#bytes;
    answer.on('data', (chunk: Buffer) => {
      outgoing.write(chunk.subarray(0, left));
      left -= chunk.length;
      if (left > 0) return;
      this.spoilt++;
      this.#isDead = true;
      answer.destroy();
      // What was written is given to the device first.
      setTimeout(() => outgoing.socket?.destroy(), 50);
    });
    answer.on('end', () => outgoing.end());
  }
}
