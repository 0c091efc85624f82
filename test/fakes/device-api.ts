/** The device API on loopback over a FakeServer: real HTTP for a real updater process. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { checkRequestSchema } from '../../contract/device-api/check.ts';
import { enrolRequestSchema } from '../../contract/device-api/enrolment.ts';
import { reportsRequestSchema } from '../../contract/device-api/report.ts';
import type { FakeServer } from './edge-device.ts';

export const enrolmentToken = `slp_enrol_${'e'.repeat(43)}`;
const deviceToken = `slp_device_${'d'.repeat(43)}`;

export class DeviceApi {
  readonly #fleet: FakeServer;
  readonly #server: Server;
  /** Requests without the token that belongs to them. */
  unauthorised = 0;

  static async listen(fleet: FakeServer): Promise<DeviceApi> {
    const api = new DeviceApi(fleet);
    api.#server.listen(0, '127.0.0.1');
    await once(api.#server, 'listening');
    return api;
  }

  private constructor(fleet: FakeServer) {
    this.#fleet = fleet;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        response.writeHead(500).end(String(error));
      });
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    // As a server from before devices had keys.
    if (path.endsWith('/key') || path.endsWith('/session')) {
      response.writeHead(404).end();
      return;
    }
    // Who is about to enrol proves the server first.
    const believed = path === '/v1/enrol' ? [enrolmentToken] : [deviceToken];
    if (path.startsWith('/v1/metadata/')) believed.push(enrolmentToken);
    if (!believed.some((token) => request.headers.authorization === `Bearer ${token}`)) {
      this.unauthorised++;
      response.writeHead(401).end();
      return;
    }
    if (request.method === 'POST') {
      const body = JSON.parse(Buffer.concat(await request.toArray()).toString());
      const answer = JSON.stringify(await this.#post(path, body));
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
      return;
    }
    const digest = path.slice(path.lastIndexOf('/') + 1);
    if (path.startsWith('/v1/blobs/')) {
      await this.#sendBlob(digest, request, response);
      return;
    }
    const bytes = path.startsWith('/v1/metadata/')
      ? await this.#fleet.metadata(digest)
      : await this.#fleet.manifest(digest.slice(0, 64));
    response.writeHead(bytes ? 200 : 404).end(bytes);
  }

  async #post(path: string, body: unknown): Promise<unknown> {
    if (path === '/v1/enrol') return { deviceId: enrolRequestSchema.parse(body).deviceId, deviceToken };
    if (path.endsWith('/check')) return this.#fleet.check(checkRequestSchema.parse(body));
    return this.#fleet.report(reportsRequestSchema.parse(body).reports);
  }

  async #sendBlob(digest: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const offset = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const etag = request.headers['if-range'];
    const answer = await this.#fleet.openBlob(
      digest,
      { offset, etag: typeof etag === 'string' ? etag : undefined },
      AbortSignal.timeout(60_000),
    );
    response.writeHead(answer.status, answer.headers as Record<string, string>);
    for await (const chunk of answer.body) {
      // Slow enough that a kill can come in between.
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (response.destroyed) return;
      response.write(chunk);
    }
    response.end();
  }
}
