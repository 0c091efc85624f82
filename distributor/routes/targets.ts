/** `GET /v1/targets/*` gives release manifests, named by their digest. */
import * as z from 'zod';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { productSchema } from '../../contract/release/manifest.ts';
import { manifestKey } from '../../contract/store-keys.ts';
import type { Ownership, PrivateProducts } from '../catalog/private-products.ts';
import type { App } from '../http/fastify-app.ts';
import { allowReading } from '../http/reading.ts';
import { sendWhole } from '../http/whole-object.ts';
import type { Services } from '../services.ts';

const namePattern = /^([0-9a-f]{64})\.release\.json$/;
const immutable = 'max-age=31536000, immutable';

const openToAll: Ownership = { kind: 'open' };
const productOnlySchema = z.object({ product: productSchema });

export function targetsRoute(app: App, services: Services): void {
  app.get(
    '/v1/targets/*',
    {
      schema: {
        operationId: 'getManifest',
        tags: ['artifacts'],
        summary: 'A release manifest',
        security: [{}, { bearer: [] }],
        params: z.object({ '*': z.string().max(300) }),
      },
    },
    async (request, reply) => {
      const { privates } = services.catalog;
      const [, sha256] = namePattern.exec(request.params['*']) ?? [];
      const stored = sha256 && (await services.store.readWhole(manifestKey(sha256), limits.maxManifestBytes));
      const ownership = stored && privates.isAny ? ownershipOf(stored.bytes, privates) : openToAll;
      const { sharing } = await allowReading(request, { ownership }, services);
      if (!sha256 || !stored)
        throw new SlipwayError('not-found', `the repository has no targets/${request.params['*']}`);
      return sendWhole(request, reply, { bytes: stored.bytes, sha256, cacheControl: `${sharing}, ${immutable}` });
    },
  );
}

/** A manifest says itself of which product it is, also one that no role names yet. */
function ownershipOf(manifest: Uint8Array, privates: PrivateProducts): Ownership {
  try {
    const { product } = productOnlySchema.parse(JSON.parse(new TextDecoder().decode(manifest)));
    return privates.ownershipOfProduct(product);
  } catch {
    return { kind: 'unnamed' };
  }
}
