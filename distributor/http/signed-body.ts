/** Keeps the bytes of a JSON body as they came, for routes whose requests are signed: a digest is of bytes. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { SignatureFields, SignedRequest } from '../../contract/device-api/signed-request.ts';
import { SlipwayError } from '../../contract/errors.ts';
import type { App } from './fastify-app.ts';

export class SignedBodies {
  readonly #bytes = new WeakMap<FastifyRequest, Uint8Array>();

  /** @param scope of these routes alone */
  constructor(scope: App) {
    const plain = scope as unknown as FastifyInstance;
    plain.removeContentTypeParser('application/json');
    plain.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
      this.#bytes.set(request, body as Buffer);
      try {
        done(null, JSON.parse(String(body)));
      } catch (cause) {
        done(new SlipwayError('usage', 'the body is not JSON', { cause }));
      }
    });
  }

  of(request: FastifyRequest): { readonly request: SignedRequest; readonly fields: Partial<SignatureFields> } {
    const path = request.url.split('?')[0] ?? '';
    const body = this.#bytes.get(request) ?? new Uint8Array();
    const { headers } = request;
    const field = (name: keyof SignatureFields) => {
      const value = headers[name];
      return typeof value === 'string' ? { [name]: value } : {};
    };
    const fields = { ...field('content-digest'), ...field('signature-input'), ...field('signature') };
    return { request: { method: request.method, path, body }, fields };
  }
}
