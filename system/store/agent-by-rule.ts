/** Makes agents for the AWS SDK whose requests each go their own way: straight, or through a proxy. */
import { type AgentOptions, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Agent, type AgentConnectOpts } from 'agent-base';
import { HttpProxyAgent } from 'http-proxy-agent';
import { HttpsProxyAgent } from 'https-proxy-agent';
import type { NamedProxy, ProxyRule } from '../network/proxy.ts';

export class AgentByRule extends Agent {
  readonly #rule: ProxyRule;
  readonly #options: AgentOptions;
  readonly #straight: Readonly<Record<string, HttpAgent>>;
  /** One for each way, so that connections are kept. */
  readonly #proxied = new Map<string, HttpAgent>();

  constructor(rule: ProxyRule, options: AgentOptions = {}) {
    super();
    this.#rule = rule;
    this.#options = { keepAlive: true, ...options };
    this.#straight = { 'http:': new HttpAgent(this.#options), 'https:': new HttpsAgent(this.#options) };
  }

  override async connect(_request: unknown, options: AgentConnectOpts): Promise<HttpAgent> {
    const protocol = options.secureEndpoint ? 'https:' : 'http:';
    const host = options.host?.includes(':') ? `[${options.host}]` : options.host;
    const proxy = this.#rule.proxyFor(new URL(`${protocol}//${host}:${options.port}`));
    const straight = this.#straight[protocol] as HttpAgent;
    return proxy === undefined ? straight : this.#through(proxy, protocol);
  }

  override destroy(): void {
    for (const agent of [...Object.values(this.#straight), ...this.#proxied.values()]) agent.destroy();
    super.destroy();
  }

  #through({ url }: NamedProxy, protocol: string): HttpAgent {
    const known = this.#proxied.get(protocol);
    if (known) return known;
    const Kind = protocol === 'https:' ? HttpsProxyAgent : HttpProxyAgent;
    const made = new Kind(url, this.#options);
    this.#proxied.set(protocol, made);
    return made;
  }
}
