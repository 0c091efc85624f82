/** Takes the addresses that a server was given, and says which ones they became. */
import { once } from 'node:events';
import type { Server } from 'node:net';
import { SlipwayError } from '../../contract/errors.ts';
import type { ListenAddress } from './options/serve-options.ts';

/**
 * @param begin how this server begins to listen
 * @throws SlipwayError `listen-failed`
 */
export async function listen(
  server: Server,
  { host, port }: ListenAddress,
  option: string,
  begin: (address: ListenAddress) => Promise<unknown> = (address) => once(server.listen(address), 'listening'),
): Promise<void> {
  try {
    await begin({ host, port });
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new SlipwayError('listen-failed', `cannot listen on ${host}:${port}: ${reason}`, {
      cause,
      hint: `See whether another server runs already, or choose another address with ${option}.`,
    });
  }
}

/** With the port that was really taken. */
export function addressOf(server: Server, isTls: boolean): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new SlipwayError('internal', 'the server has no address');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `${isTls ? 'https' : 'http'}://${host}:${address.port}`;
}

/** Empty where metrics have no address of their own. */
export function metricsAddressOf(server: Server | undefined): { metrics?: string } {
  return server === undefined ? {} : { metrics: `${addressOf(server, false)}/metrics` };
}
