/**
 * Sends requests of undici through proxies: each origin goes its own way, by the rule. It is loaded only where a proxy
 * is configured. A tunnel is asked for even for plain HTTP, so that nothing but CONNECT is expected of a proxy and each
 * refusal is its own.
 */
import { type Agent, type Dispatcher, Pool, ProxyAgent } from 'undici';
import { SlipwayError } from '../../../contract/errors.ts';
import { agentByOrigin } from '../../../system/network/agent-by-origin.ts';
import type { NamedProxy, ProxyRule } from '../../../system/network/proxy.ts';
import { connectionError, proxyHint } from './http-failures.ts';

export function proxiedAgent(rule: ProxyRule, options: Agent.Options): Dispatcher {
  return agentByOrigin(rule, options, throughProxy);
}

function throughProxy(proxy: NamedProxy, { connect, ...options }: Agent.Options): Dispatcher {
  const tls = typeof connect === 'object' ? connect : {};
  return new ProxyAgent({
    ...options,
    allowH2: false,
    uri: proxy.url.href,
    proxyTunnel: true,
    requestTls: tls,
    proxyTls: tls,
    clientFactory: (origin, { connect: toProxy }: Pool.Options) => {
      const { headersTimeout } = options;
      const more = headersTimeout === undefined ? {} : { headersTimeout };
      return tellingFailures(
        new Pool(origin, { ...more, allowH2: false, ...(toProxy ? { connect: toProxy } : {}) }),
        proxy,
      );
    },
  });
}

/** ProxyAgent itself ends every refusal as an aborted request without its status. */
function tellingFailures(pool: Pool, proxy: NamedProxy): Pool {
  const connect = pool.connect.bind(pool) as (options: Dispatcher.ConnectOptions) => Promise<Dispatcher.ConnectData>;
  pool.connect = (async (options: Dispatcher.ConnectOptions) => {
    const answer = await connect(options).catch((error: unknown) => {
      throw unreachable(error, proxy);
    });
    if (answer.statusCode === 200) return answer;
    answer.socket.on('error', () => undefined).destroy();
    throw refused(answer.statusCode, options.path, proxy);
  }) as Pool['connect'];
  return pool;
}

function unreachable(error: unknown, proxy: NamedProxy): unknown {
  const failure = connectionError(error, `the proxy ${proxy.name} (${proxy.from})`);
  if (!(failure instanceof SlipwayError)) return failure;
  return new SlipwayError(failure.code, failure.message, {
    cause: error,
    hint: `Check ${proxy.from}, and that the proxy can be reached from here.`,
  });
}

/** @param host of the CONNECT, with its port */
function refused(status: number, host: string, proxy: NamedProxy): SlipwayError {
  const message = `the proxy ${proxy.name} answered ${status} to CONNECT ${host}`;
  if (status === 407) return new SlipwayError('proxy-refused', message, { hint: proxyHint(proxy.from) });
  if (status < 500) {
    return new SlipwayError('proxy-refused', message, {
      hint: `Let the proxy connect to ${host}, or name that host in ${proxy.from.startsWith('proxy ') ? 'proxy.noProxy of edge.yaml' : 'NO_PROXY'}.`,
    });
  }
  return new SlipwayError('server-unreachable', message, { hint: `Check that the proxy can reach ${host}.` });
}
