/** What `serve` may be told, checked before anything is opened. */
import { isIP } from 'node:net';
import { SlipwayError } from '../../contract/errors.ts';
import type { CertificateFiles } from '../http/certificate.ts';
import type { StatePlace } from './command-line.ts';
import type { RetentionOptions } from './retention-options.ts';
import type { SourceOptions } from './source-options.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

export interface ServeOptions extends StatePlace, SourceOptions, RetentionOptions {
  readonly store: string;
  readonly listen: ListenAddress;
  /** Of `/metrics` alone; undefined shows them where devices ask. */
  readonly metricsListen?: ListenAddress;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  /** Private key that signs permits. */
  readonly permitKey?: string;
  readonly behindProxy: boolean;
  readonly trustProxy: boolean;
  readonly redirectBlobs: boolean;
  readonly requireTokenForReads: boolean;
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
    throw new SlipwayError('usage', `"${text}" is no address to listen on`, {
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

/** Call it after checkTransport. */
export function certificateFilesOf({ tlsCert, tlsKey }: ServeOptions): CertificateFiles | undefined {
  return tlsCert === undefined || tlsKey === undefined ? undefined : { certFile: tlsCert, keyFile: tlsKey };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
