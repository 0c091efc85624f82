/**
 * Gathers the certificates by which servers are believed: those that Node brings, those of this system, and those of
 * `caFile`. It reads the bundle file that the system keeps for OpenSSL, since Node 20 has no way of its own to ask for
 * it.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, getCACertificates, rootCertificates, type SecureContext } from 'node:tls';
import { SlipwayError } from '../../../contract/errors.ts';
import type { Environment } from '../../../system/network/proxy.ts';

/** Debian and Alpine, Fedora and RHEL, openSUSE, and where OpenSSL looks by itself. */
const bundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];
const certificate = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** PEM certificates of `caFile`. @throws SlipwayError `document-unreadable`, `certificate-invalid` */
export function readCaFile(file: string): readonly string[] {
  let text: string;
  try {
    text = readFileSync(file, 'latin1');
  } catch (cause) {
    throw new SlipwayError('document-unreadable', `cannot read caFile ${file}`, { cause });
  }
  const found = text.match(certificate) ?? [];
  const hint = 'Give `caFile` in edge.yaml a file with PEM certificates.';
  if (found.length === 0)
    throw new SlipwayError('certificate-invalid', `caFile ${file} holds no certificate`, { hint });
  try {
    for (const one of found) new X509Certificate(one);
  } catch (cause) {
    throw new SlipwayError('certificate-invalid', `caFile ${file} holds a damaged certificate`, { cause, hint });
  }
  return found;
}

/** For many connections: made once, it holds what hundreds of certificates say. */
export function believing(own: readonly string[], environment: Environment): SecureContext {
  const system = [...systemCertificates(environment), ...ofFile(environment.NODE_EXTRA_CA_CERTS)];
  try {
    return createSecureContext({ ca: withoutRepeats([...rootCertificates, ...system, ...own]) });
  } catch {
    // A damaged file of the system must not cut the device off.
    return createSecureContext({ ca: withoutRepeats([...rootCertificates, ...own]) });
  }
}

function systemCertificates({ SSL_CERT_FILE }: Environment): readonly string[] {
  for (const file of SSL_CERT_FILE ? [SSL_CERT_FILE] : bundles) {
    const found = ofFile(file);
    if (found.length > 0) return found;
  }
  // Not in Node 20.
  return (getCACertificates as typeof getCACertificates | undefined)?.('system') ?? [];
}

function ofFile(file: string | undefined): readonly string[] {
  if (!file) return [];
  try {
    return readFileSync(file, 'latin1').match(certificate) ?? [];
  } catch {
    return [];
  }
}

/** Lines may be broken at other places. */
function withoutRepeats(certificates: readonly string[]): string[] {
  const seen = new Map(certificates.map((text) => [text.replaceAll(/\s/g, ''), text]));
  return [...seen.values()];
}
