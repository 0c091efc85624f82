/** `GET /v1/metadata/*` gives TUF metadata as the publisher signed it. */
import * as z from 'zod';
import { sha256 } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import type { App } from '../http/fastify-app.ts';
import { allowReading } from '../http/reading.ts';
import { sendWhole } from '../http/whole-object.ts';
import type { Services } from '../services.ts';

/** `timestamp.json` and `<version>.<role>.json`; a role is written as encodeURIComponent writes it. */
const namePattern = /^(?:timestamp|\d{1,16}\.([A-Za-z0-9%._-]+))\.json$/;
const immutable = 'max-age=31536000, immutable';
/** The one name whose content changes: caches ask again each time. */
const revalidated = 'no-cache';

export function metadataRoute(app: App, services: Services): void {
  app.get(
    '/v1/metadata/*',
    {
      schema: {
        operationId: 'getMetadata',
        tags: ['artifacts'],
        summary: 'TUF metadata',
        security: [{}, { bearer: [] }],
        params: z.object({ '*': z.string().max(300) }),
      },
    },
    async (request, reply) => {
      // The wildcard arrives decoded; the store's key is the encoded form.
      const name = encodeURIComponent(request.params['*']);
      const [isName, role = 'timestamp'] = namePattern.exec(name) ?? [];
      const ownership = services.catalog.privates.ownershipOfRole(decodeURIComponent(role));
      const { sharing } = await allowReading(request, { ownership, newDevice: true }, services);
      const stored = isName ? await services.store.readWhole(`metadata/${name}`, limits.maxTargetsBytes) : undefined;
      if (!stored) throw new SlipwayError('not-found', `the repository has no metadata/${name}`);
      const cacheControl = name === 'timestamp.json' ? revalidated : `${sharing}, ${immutable}`;
      return sendWhole(request, reply, { bytes: stored.bytes, sha256: sha256(stored.bytes), cacheControl });
    },
  );
}
