/**
 * Reads the certificate of the server and its key from files, and again when these change: a renewed one is in use for
 * the next connection without a restart. What does not fit together is refused, and the one before stays in use.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describeError, SlipwayError, toSlipwayError } from '../../contract/errors.ts';

/** PEM texts. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** @throws SlipwayError `key-unreadable`, `certificate-invalid` */
export async function readCertificate({ certFile, keyFile }: CertificateFiles): Promise<Certificate> {
  const [cert, key] = [await read(certFile), await read(keyFile)];
  if (!parseCertificate(cert, certFile).checkPrivateKey(parseKey(key, keyFile))) {
    throw new SlipwayError('certificate-invalid', `the certificate in ${certFile} does not fit the key in ${keyFile}`, {
      hint: 'Give the certificate that was made for this key, the server’s own first in the file.',
    });
  }
  return { cert, key };
}

/** Milliseconds since 1970. */
export function endOf({ cert }: Certificate): number {
  return Date.parse(new X509Certificate(cert).validTo);
}

interface CertificateWatch {
  readonly files: CertificateFiles;
  readonly current: Certificate;
  readonly pollMs: number;
  /** Takes it into use for connections to come. */
  use(certificate: Certificate): void;
  /** The files cannot be used as they are now; told once for each reason. */
  refuse(problem: SlipwayError): void;
}

/** Looks by content: a mount of Kubernetes changes by links alone. @returns what ends the watch */
export function watchCertificate({ files, current, pollMs, use, refuse }: CertificateWatch): () => void {
  let inUse = current;
  let before: string | undefined;
  let refused: string | undefined;
  let isLooking = false;
  const look = async () => {
    if (isLooking) return;
    isLooking = true;
    try {
      const found = await readCertificate(files);
      [before, refused] = [undefined, undefined];
      if (found.cert === inUse.cert && found.key === inUse.key) return;
      use(found);
      inUse = found;
    } catch (error) {
      const problem = toSlipwayError(error);
      const text = JSON.stringify(describeError(problem));
      // Two files are not replaced in one moment: what is still so at the second look stays so.
      if (text === before && text !== refused) {
        refuse(problem);
        refused = text;
      }
      before = text;
    } finally {
      isLooking = false;
    }
  };
  const timer = setInterval(() => void look(), pollMs);
  timer.unref();
  return () => clearInterval(timer);
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new SlipwayError('key-unreadable', `${file} cannot be read: ${reason}`, {
      cause,
      hint: 'Check --tls-cert and --tls-key and who may read them.',
    });
  }
}

function parseCertificate(text: string, file: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (cause) {
    throw new SlipwayError('certificate-invalid', `${file} holds no certificate in PEM form`, {
      cause,
      hint: 'Give the chain in PEM form as --tls-cert, the server’s own certificate first.',
    });
  }
}

function parseKey(text: string, file: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (cause) {
    throw new SlipwayError('key-unreadable', `${file} holds no unencrypted private key in PEM form`, {
      cause,
      hint: 'Give the key of the certificate as --tls-key, in PEM form and without a passphrase.',
    });
  }
}
