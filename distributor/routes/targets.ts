/** `GET /v1/targets/*` gives release manifests, named by their digest. */
import * as z from 'zod';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { manifestKey } from '../../contract/store-keys.ts';
import { allowReading } from '../http/access.ts';
import type { App } from '../http/fastify-app.ts';
import { sendWhole } from '../http/whole-object.ts';
import type { Services } from '../services.ts';

const namePattern = /^([0-9a-f]{64})\.release\.json$/;
const immutable = 'public, max-age=31536000, immutable';

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
      await allowReading(request, services);
      const [, sha256] = namePattern.exec(request.params['*']) ?? [];
      const stored = sha256 && (await services.store.readWhole(manifestKey(sha256), limits.maxManifestBytes));
      if (!sha256 || !stored)
        throw new SlipwayError('not-found', `the repository has no targets/${request.params['*']}`);
      return sendWhole(request, reply, { bytes: stored.bytes, sha256, cacheControl: immutable });
    },
  );
}
