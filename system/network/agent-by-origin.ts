/** undici where proxies stand before some servers: each origin goes its own way, straight or through a proxy, by the rule. */
import { Agent, type Dispatcher, Pool } from 'undici';
import type { NamedProxy, ProxyRule } from './proxy.ts';

/** @param through makes what asks one origin through the proxy, with the given options but for this choice */
export function agentByOrigin(
  rule: ProxyRule,
  options: Agent.Options,
  through: (proxy: NamedProxy, options: Agent.Options) => Dispatcher,
): Agent {
  return new Agent({
    ...options,
    factory: (origin, { factory: _, ...more }: Agent.Options) => {
      const proxy = rule.proxyFor(new URL(origin));
      return proxy ? through(proxy, more) : new Pool(origin, more);
    },
  });
}
