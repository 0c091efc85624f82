/**
 * Decides by which ways secrets may travel, for the three programs: tokens, credentials and proxies' passwords go over
 * TLS or stay on this machine. What is signed or named by its digest may go any way. A request with a secret follows no
 * redirect.
 */
import { SlipwayError } from '../../contract/errors.ts';

const names = ['localhost', '::1', '[::1]'];
const loopbackNetwork = /^127(\.(0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])){3}$/;

/**
 * What is sent there stays on this machine for certain: no name below `localhost`, which some resolvers ask others
 * about, and no other spelling of an address than `URL` and `ip` write.
 * @param host as a URL has it, or without brackets
 */
export function isLoopback(host: string): boolean {
  const lower = host.toLowerCase();
  return names.includes(lower) || loopbackNetwork.test(lower);
}

/** TLS, or plain HTTP that nobody else hears. */
export function keepsSecrets({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}

/**
 * @param secret what would be sent, as in `the token`
 * @throws SlipwayError `transport-insecure`
 */
export function refuseInTheClear(url: URL, secret: string, hint = 'Use https.'): void {
  if (keepsSecrets(url)) return;
  throw new SlipwayError('transport-insecure', `plain HTTP to ${url.host} would send ${secret} in the clear`, { hint });
}

/** No proxy stands before this machine; here names below `localhost` count, too, as Go has it. */
export function isAskedDirectly(host: string): boolean {
  return isLoopback(host) || host.endsWith('.localhost');
}
