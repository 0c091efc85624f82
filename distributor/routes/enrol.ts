/** `POST /v1/enrol` gives a device a token of its own for an enrolment token. */
import { enrolAnswerSchema, enrolRequestSchema } from '../../contract/device-api/enrolment.ts';
import { withoutSafeguardLabels } from '../../contract/device-api/safeguards.ts';
import { SlipwayError } from '../../contract/errors.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { deviceEnrolled } from '../events/audit.ts';
import { mintToken } from '../fleet/access/token.ts';
import type { EnrolmentBounds } from '../fleet/identity/identity-ports.ts';
import type { TokenRecord } from '../fleet/ports.ts';
import { allow } from '../http/access.ts';
import type { App } from '../http/fastify-app.ts';
import { perMinute } from '../http/rate-limits.ts';
import type { Services } from '../services.ts';

export function enrolRoute(app: App, services: Services): void {
  const { fleet, campaigns, catalog, clock, randomBytes, metrics, policy } = services;
  app.post(
    '/v1/enrol',
    {
      schema: {
        operationId: 'enrolDevice',
        tags: ['devices'],
        summary: 'Enrol a device',
        security: [{ bearer: [] }],
        body: enrolRequestSchema,
        response: { 201: enrolAnswerSchema },
      },
      config: { rateLimit: perMinute(policy.enrolmentsPerMinute, (request) => request.ip) },
    },
    async (request, reply) => {
      const { caller } = await allow(request, { enrolment: true }, services);
      const enrolmentToken = caller.token as TokenRecord;
      const { deviceId, product, platform } = request.body;
      const labels = withoutSafeguardLabels(request.body.labels);
      const { bound } = enrolmentToken;
      const publicKey = 'publicKey' in request.body ? request.body.publicKey : undefined;
      const status = await policy.acceptance(deviceId);
      requireProduct(product, bound, catalog.state);
      const now = clock();
      const { token, record } = mintToken({
        purpose: 'device',
        lifetimeSeconds: publicKey === undefined ? undefined : policy.bearerSeconds,
        deviceId,
        by: caller.actor,
        now,
        randomBytes,
      });
      const device = { id: deviceId, product, platform, labels, givenLabels: bound.labels };
      const outcome = await fleet.enrol(
        { device, status, publicKey, enrolmentTokenId: enrolmentToken.id, deviceToken: record, at: now },
        deviceEnrolled(deviceId, enrolmentToken, status, now),
      );
      metrics.enrolments.inc({ outcome });
      if (outcome === 'device-exists') {
        throw new SlipwayError('device-exists', `device ${deviceId} is enrolled already`, {
          hint: 'Choose another id, or forget the old device with slipway-distributor device forget.',
        });
      }
      if (outcome === 'token-spent') {
        throw new SlipwayError('enrolment-token-invalid', 'the enrolment token is unknown, expired, revoked or spent', {
          hint: 'Make one with slipway-distributor enrolment-token create.',
        });
      }
      request.log.info({ deviceId, outcome }, 'device enrolled');
      // Its first check may follow at once.
      await campaigns.noteEnrolment(now);
      return reply.code(201).send({
        deviceId,
        deviceToken: token,
        ...(publicKey === undefined ? {} : { expiresInSeconds: policy.bearerSeconds }),
      });
    },
  );
}

/**
 * Asked before a use is spent. Where the store was not read yet, nothing is known of its products.
 * @throws SlipwayError `product-unknown`, `forbidden`
 */
function requireProduct(product: string, { products }: EnrolmentBounds, { products: known }: Catalog['state']): void {
  if (products.length > 0 && !products.includes(product)) {
    throw new SlipwayError(
      'forbidden',
      `the enrolment token is for ${products.join(', ')}, the device has ${product}`,
      {
        hint: 'Correct product in edge.yaml, or make a token for this product.',
      },
    );
  }
  if (known === undefined || known.includes(product)) return;
  throw new SlipwayError('product-unknown', `the repository has no product ${product}, but ${known.join(', ')}`, {
    hint: 'Correct product in edge.yaml, or add the product with slipway-packager keys add-product.',
  });
}
