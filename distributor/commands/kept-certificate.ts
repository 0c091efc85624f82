/**
 * Keeps a server to the certificate that its files hold: a new one is in use at once, a broken one is told and counted.
 */
import type { Server } from 'node:https';
import type { Logger } from 'pino';
import { describeError } from '../../contract/errors.ts';
import { type Certificate, type CertificateFiles, endOf, watchCertificate } from '../http/certificate.ts';
import type { App } from '../http/fastify-app.ts';
import type { Metrics } from '../http/metrics.ts';

const pollMs = 2000;

/** @returns what ends it */
export function keepCertificate(
  app: App,
  files: CertificateFiles,
  current: Certificate,
  { certificateReloads, certificateExpires }: Metrics,
  logger: Logger,
): () => void {
  certificateExpires.set({ use: 'server' }, endOf(current) / 1000);
  return watchCertificate({
    files,
    current,
    pollMs,
    use(certificate) {
      (app.server as unknown as Server).setSecureContext(certificate);
      certificateExpires.set({ use: 'server' }, endOf(certificate) / 1000);
      certificateReloads.inc({ outcome: 'taken' });
      logger.info({ expires: new Date(endOf(certificate)).toISOString() }, 'certificate changed');
    },
    refuse(problem) {
      certificateReloads.inc({ outcome: 'refused' });
      logger.error(describeError(problem), 'certificate not changed; the one before stays in use');
    },
  });
}
