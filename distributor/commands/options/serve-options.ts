/** Checks what `serve` is told, before anything is opened. */
import { isIP } from 'node:net';
import { SlipwayError } from '../../../contract/errors.ts';
import { isLoopback } from '../../../system/network/transport.ts';
import { parseStoreUrl } from '../../../system/store/store-url.ts';
import type { OnlineSignerPlace } from '../../freshness/ports.ts';
import type { CertificateFiles } from '../../http/certificate.ts';
import type { StatePlace } from '../command-line.ts';
import type { AcceptanceOptions } from './acceptance-options.ts';
import type { ReadingOptions } from './reading-options.ts';
import type { RetentionOptions } from './retention-options.ts';
import type { SourceOptions } from './source-options.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface ServeOptions extends StatePlace, SourceOptions, RetentionOptions, AcceptanceOptions, ReadingOptions {
  readonly store: string;
  readonly listen: ListenAddress;
  /** Of `/metrics` alone; undefined shows them where devices ask. */
  readonly metricsListen?: ListenAddress;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** Private key that signs permits. */
  readonly permitKey?: string;
  /** Private keys that sign snapshot and timestamp again. */
  readonly onlineKey?: string[];
  readonly passphraseFile?: string;
  /** File of the root that devices pin. */
  readonly root?: string;
  /** File that says which issuers vouch for people. */
  readonly people?: string;
  readonly behindProxy: boolean;
  readonly trustProxy: boolean;
  readonly redirectBlobs: boolean;
  /** See Policy. */
  readonly accelRedirect?: string | undefined;
  /** Undefined: as many as the connections allow. */
  readonly maxDownloads?: number;
  readonly checkLimit: number;
  readonly enrolLimit: number;
  /** Seconds. */
  readonly refresh: number;
  /** Seconds; undefined leaves it to the devices. */
  readonly pollAfter?: number;
  readonly logLevel: string;
}

/** `host:port`, `[v6]:port`; port 0 takes a free one. @throws SlipwayError `usage` */
export function parseListen(text: string): ListenAddress {
  const [, bracketed, plain, portText] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(portText);
  if (host === undefined || port > 65_535 || (bracketed !== undefined && isIP(bracketed) !== 6)) {
    throw new SlipwayError('usage', `"${text}" is not an address to listen on`, {
      hint: 'Write 127.0.0.1:8443, 0.0.0.0:8443 or [::1]:8443.',
    });
  }
  return { host, port };
}

/**
 * Tokens must not cross a network in the clear.
 * @throws SlipwayError `transport-insecure`, `usage`
 */
export function checkTransport(options: Pick<ServeOptions, 'listen' | 'tlsCert' | 'tlsKey' | 'behindProxy'>): void {
  const { listen, tlsCert, tlsKey, behindProxy } = options;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new SlipwayError('usage', 'expected both --tls-cert and --tls-key, or neither');
  }
  if (tlsCert !== undefined || behindProxy || isLoopback(listen.host)) return;
  throw new SlipwayError('transport-insecure', `plain HTTP on ${listen.host} would send tokens in the clear`, {
    hint: 'Give --tls-cert and --tls-key, or --behind-proxy when a proxy in front speaks TLS.',
  });
}

/**
 * A client that asks without nginx in between would get empty answers, and nginx can send only what lies in a folder.
 * @throws SlipwayError `usage`, `store-url-invalid`
 */
export function checkAccelRedirect(
  options: Pick<ServeOptions, 'accelRedirect' | 'redirectBlobs' | 'behindProxy' | 'store'>,
) {
  const { accelRedirect, redirectBlobs, behindProxy, store } = options;
  if (accelRedirect === undefined) return;
  const refuse = (message: string, hint: string) => new SlipwayError('usage', message, { hint });
  if (!/^\/([A-Za-z0-9._~-]+\/)+$/.test(accelRedirect)) {
    throw refuse(
      `--accel-redirect "${accelRedirect}" is not a location of nginx`,
      'Write it with a slash at both ends, as /slipway-store/.',
    );
  }
  if (!behindProxy) {
    throw refuse(
      'expected --behind-proxy with --accel-redirect',
      'Only nginx in front can follow it; let nobody else reach the address.',
    );
  }
  if (redirectBlobs) throw refuse('expected either --accel-redirect or --redirect-blobs', 'Leave one of them out.');
  if (parseStoreUrl(store).kind !== 'directory') {
    throw refuse(
      'expected a folder as --store with --accel-redirect',
      'nginx reads the files itself; for S3 there is --redirect-blobs.',
    );
  }
}

/** A client is sent to one place. @throws SlipwayError `usage` */
export function checkBlobsFrom({ blobsFrom, redirectBlobs }: Pick<ServeOptions, 'blobsFrom' | 'redirectBlobs'>): void {
  if (blobsFrom === undefined || !redirectBlobs) return;
  throw new SlipwayError('usage', 'expected either --blobs-from or --redirect-blobs', {
    hint: 'Leave one of them out.',
  });
}

/**
 * Where the server signs, or undefined where it has no online key. It signs nothing for a store that only agrees with itself.
 * @throws SlipwayError `usage`
 */
export function onlinePlaceOf({ onlineKey, passphraseFile, root, store }: ServeOptions): OnlineSignerPlace | undefined {
  if (onlineKey === undefined) return undefined;
  if (root !== undefined) return { store, keys: onlineKey, passphraseFile, root };
  throw new SlipwayError('usage', 'expected --root with --online-key', {
    hint: 'Give the root that devices pin; slipway-packager init wrote it by --root-out.',
  });
}

/** Call it after checkTransport. */
export function certificateFilesOf({ tlsCert, tlsKey }: ServeOptions): CertificateFiles | undefined {
  return tlsCert === undefined || tlsKey === undefined ? undefined : { certFile: tlsCert, keyFile: tlsKey };
}
