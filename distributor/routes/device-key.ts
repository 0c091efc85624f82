/**
 * `POST /v1/devices/:id/key` takes the public key of a device that shows the bearer it has, and `…/session` gives a bearer
 * that ends soon for a request signed with that key.
 */
import * as z from 'zod';
import { deviceIdSchema } from '../../contract/device-api/device-id.ts';
import {
  keyAnswerSchema,
  keyRequestSchema,
  sessionAnswerSchema,
  sessionRequestSchema,
} from '../../contract/device-api/identity.ts';
import { isSignedBy } from '../../contract/device-api/signed-request.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { authorise } from '../fleet/access/authorise.ts';
import { callerOfToken } from '../fleet/access/caller.ts';
import { bearerToken, hashToken } from '../fleet/access/token.ts';
import { registerDeviceKey } from '../fleet/identity/key-registration.ts';
import { signIn } from '../fleet/identity/sign-in.ts';
import type { App } from '../http/fastify-app.ts';
import { perMinute } from '../http/rate-limits.ts';
import { SignedBodies } from '../http/signed-body.ts';
import type { Services } from '../services.ts';

export function deviceKeyRoute(app: App, services: Services): void {
  // In a scope of its own: only here the bytes of a body are kept.
  app.register(async (scope) => keyRoutes(scope as unknown as App, services));
}

function keyRoutes(app: App, services: Services): void {
  const { fleet, clock, policy, randomBytes } = services;
  const bodies = new SignedBodies(app);
  const rateLimit = perMinute(policy.checksPerMinute, (request) => (request.params as { id: string }).id);
  app.post(
    '/v1/devices/:id/key',
    {
      schema: {
        operationId: 'registerDeviceKey',
        tags: ['devices'],
        summary: 'Register the key of a device; the request is signed with it',
        security: [{ bearer: [] }],
        params: z.object({ id: deviceIdSchema }),
        body: keyRequestSchema,
        response: { 200: keyAnswerSchema },
      },
      config: { rateLimit },
    },
    async (request) => {
      const { id } = request.params;
      const { publicKey } = request.body;
      const text = bearerToken(request.headers.authorization);
      // A pending device may say its key, too: whoever accepts it sees which one.
      const token = text === undefined ? undefined : await fleet.findToken(hashToken(text));
      authorise(token && callerOfToken(token), { device: id }, clock());
      const signed = bodies.of(request);
      if (!isSignedBy(publicKey, signed.request, signed.fields)) {
        throw new SlipwayError('request-signature-invalid', 'the request is not signed with the key that it names', {
          hint: 'See docs/identity.md for what is signed.',
        });
      }
      return { deviceId: id, keyId: await registerDeviceKey(fleet, id, publicKey, clock()) };
    },
  );
  app.post(
    '/v1/devices/:id/session',
    {
      schema: {
        operationId: 'signInDevice',
        tags: ['devices'],
        summary: 'Get a bearer that ends soon; the request is signed with the key of the device (RFC 9421)',
        security: [],
        params: z.object({ id: deviceIdSchema }),
        body: sessionRequestSchema,
        response: { 200: sessionAnswerSchema },
      },
      config: { rateLimit },
    },
    async (request, reply) => {
      const { id } = request.params;
      const lifetimeSeconds = policy.bearerSeconds;
      const asked = { id, ...bodies.of(request), lifetimeSeconds, now: clock(), randomBytes };
      const deviceToken = await signIn(fleet, asked);
      reply.header('cache-control', 'no-store');
      return { deviceId: id, deviceToken, expiresInSeconds: lifetimeSeconds };
    },
  );
}
