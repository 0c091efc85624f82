/**
 * Chooses the proxy that a request goes through, by the variables that curl, Go and Git read or by a configuration: one
 * rule for the three programs. It opens no connection. Loopback is always asked directly, as Go does it.
 */
import { SlipwayError } from '../../contract/errors.ts';
import { isAskedDirectly } from './transport.ts';

export interface NamedProxy {
  /** May hold credentials: for the connection alone, never for a message. */
  readonly url: URL;
  /** Scheme, host and port, for people. */
  readonly name: string;
  /** Where it was named: a variable, or a key of a configuration. */
  readonly from: string;
}

export interface ProxyRule {
  readonly hasProxy: boolean;
  /** Undefined where the request goes straight to its host. */
  proxyFor(url: URL): NamedProxy | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export const noProxyRule: ProxyRule = { hasProxy: false, proxyFor: () => undefined };

/**
 * `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`, in lower case or else in upper case. `http_proxy` is for
 * plain HTTP alone.
 * @throws SlipwayError `usage` for a value that is no URL of a proxy; it is not repeated
 */
export function proxiesOfEnvironment(environment: Environment): ProxyRule {
  const proxies = new Map<string, NamedProxy>();
  for (const scheme of ['https', 'http']) {
    const named = find(environment, `${scheme}_proxy`) ?? find(environment, 'all_proxy');
    if (!named) continue;
    const url = parseProxyUrl(named.value);
    if (!url) {
      throw new SlipwayError('usage', `${named.name} is not the URL of an HTTP proxy`, {
        hint: `Write ${named.name}=http://user:password@proxy.example.com:3128, with %-encoding in user and password.`,
      });
    }
    proxies.set(`${scheme}:`, proxyOf(url, named.name));
  }
  const passed = (find(environment, 'no_proxy')?.value ?? '').split(/[\s,]+/).filter((entry) => entry !== '');
  return ruleOf(proxies, passed);
}

/** One proxy for everything but `noProxy`. @param from the key that named it */
export function oneProxy(url: URL, noProxy: readonly string[], from: string): ProxyRule {
  const proxy = proxyOf(url, from);
  return ruleOf(
    new Map([
      ['https:', proxy],
      ['http:', proxy],
    ]),
    noProxy,
  );
}

/** Undefined where a text names no HTTP proxy; without a scheme it is http. */
export function parseProxyUrl(text: string): URL | undefined {
  const whole = text.includes('://') ? text : `http://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.hostname === '') return undefined;
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return undefined;
  try {
    decodeURIComponent(url.username + url.password);
  } catch {
    return undefined;
  }
  return url;
}

function proxyOf(url: URL, from: string): NamedProxy {
  return { url, name: `${url.protocol}//${url.host}`, from };
}

function find(environment: Environment, name: string): { name: string; value: string } | undefined {
  for (const spelling of [name, name.toUpperCase()]) {
    const value = environment[spelling]?.trim();
    if (value) return { name: spelling, value };
  }
  return undefined;
}

function ruleOf(proxies: ReadonlyMap<string, NamedProxy>, passed: readonly string[]): ProxyRule {
  const passes = passed.map(passOf);
  return {
    hasProxy: proxies.size > 0,
    proxyFor(url) {
      const host = bareHost(url.hostname);
      const port = url.port || (url.protocol === 'https:' ? '443' : '80');
      if (isAskedDirectly(host) || passes.some((pass) => pass(host, port))) return undefined;
      return proxies.get(url.protocol);
    },
  };
}

type Pass = (host: string, port: string) => boolean;

/**
 * `*`, a name for itself and what is below it (`example.com`, `.example.com`, `*.example.com`), an address, a network.
 */
function passOf(entry: string): Pass {
  const [, written = '', onlyPort] = /^(\[[^\]]*\]|[^:]*|.*:.*:.*?)(?::(\d+))?$/.exec(entry.toLowerCase()) ?? [];
  const isFor = (port: string) => onlyPort === undefined || onlyPort === port;
  if (written === '*') return (_, port) => isFor(port);
  const network = networkOf(entry);
  if (network) return (host) => network(host);
  const name = bareHost(written.replace(/^\*?\./, ''));
  return (host, port) => isFor(port) && name !== '' && (host === name || host.endsWith(`.${name}`));
}

/** `10.0.0.0/8`, `fd00::/8`; undefined where the text is no network. */
function networkOf(text: string): ((host: string) => boolean) | undefined {
  const [address = '', bits = '', ...rest] = text.split('/');
  const base = bitsOf(bareHost(address));
  if (!base || rest.length > 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > base.length) return undefined;
  const prefix = base.slice(0, Number(bits));
  return (host) => {
    const found = bitsOf(host);
    return found?.length === base.length && found.startsWith(prefix);
  };
}

/** An address as zeros and ones, 32 or 128; undefined for a name. */
function bitsOf(host: string): string | undefined {
  const toBits = (numbers: readonly number[], width: number) =>
    numbers.map((number) => number.toString(2).padStart(width, '0')).join('');
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(host)) {
    const bytes = host.split('.').map(Number);
    return bytes.every((byte) => byte < 256) ? toBits(bytes, 8) : undefined;
  }
  // URL writes every IPv6 address in one way, without dots.
  if (!host.includes(':') || !URL.canParse(`http://[${host}]`)) return undefined;
  const [head = '', tail] = new URL(`http://[${host}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const [first, last] = [groups(head), groups(tail ?? '')];
  return toBits([...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last], 16);
}

function bareHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}
