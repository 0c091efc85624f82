/**
 * A real OpenID provider (the npm package oidc-provider, certified by the OpenID Foundation) on loopback. People confirm
 * a device code by a call instead of a browser. The test has the provider's private keys, to sign what it never would.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { Provider } from 'oidc-provider';

/** Claims of its people, by their subject. */
const people: Readonly<Record<string, Record<string, unknown>>> = {
  alice: { email: 'alice@example.org', email_verified: true, groups: ['fleet-admins'] },
  bob: { email: 'bob@example.org', email_verified: true, groups: ['north-team', 'readers'] },
  mallory: { email: 'alice@example.org', email_verified: false, groups: [] },
};

export const clientId = 'slipway-cli';

export interface SigningJwk {
  readonly jwk: JWK;
  readonly privateKey: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
}

export async function signingJwk(kid: string, alg = 'RS256'): Promise<SigningJwk> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return { privateKey, jwk: { ...(await exportJWK(privateKey)), kid, alg, use: 'sig' } };
}

/** Made once for all issuers: that takes longer than most tests. */
let firstKey: Promise<SigningJwk> | undefined;

export class OidcIssuer {
  readonly #server: Server;
  #provider: Provider | undefined;
  #besides: readonly JWK[] = [];
  #listener: RequestListener = (_request, response) => void response.writeHead(503).end();
  key: SigningJwk;
  /** Paths that were asked for. */
  readonly asked: string[] = [];
  /** Nothing is answered meanwhile. */
  isHanging = false;

  static async open(): Promise<OidcIssuer> {
    firstKey ??= signingJwk('first');
    const issuer = new OidcIssuer(await firstKey);
    issuer.#server.listen(0, '127.0.0.1');
    await once(issuer.#server, 'listening');
    issuer.#restart();
    return issuer;
  }

  private constructor(key: SigningJwk) {
    this.key = key;
    this.#server = createServer((request: IncomingMessage, response: ServerResponse) => {
      this.asked.push(request.url ?? '');
      if (!this.isHanging) this.#listener(request, response);
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** As when an issuer takes its key back and has another one. */
  async rotate(kid: string, alg = 'RS256'): Promise<void> {
    this.key = await signingJwk(kid, alg);
    // The provider itself signs by RSA, whatever else it has.
    if (alg !== 'RS256') this.#besides = [(await signingJwk('of the provider')).jwk];
    this.#restart();
  }

  /** What a person does in the browser: the provider's own record of the code is confirmed for this person. */
  async confirm(userCode: string, accountId: string): Promise<void> {
    const provider = this.#provider as Provider;
    const code = await provider.DeviceCode.findByUserCode(userCode.replace(/[^A-Z]/g, ''));
    if (!code) throw new Error(`the provider has no code ${userCode}`);
    const grant = new provider.Grant({ accountId, clientId });
    const scope = String((code.params as { scope?: string } | undefined)?.scope ?? 'openid');
    grant.addOIDCScope(scope);
    Object.assign(code, { accountId, scope, grantId: await grant.save(), authTime: Math.floor(Date.now() / 1000) });
    await (code as unknown as { save(seconds: number): Promise<string> }).save(60);
  }

  /** An ID token that the provider itself gave, by the whole device authorization grant. */
  async idTokenOf(accountId: string): Promise<string> {
    const begun = await this.#post('/device/auth', { client_id: clientId, scope: 'openid email groups' });
    await this.confirm(begun.user_code ?? '', accountId);
    const grant = 'urn:ietf:params:oauth:grant-type:device_code';
    const answer = await this.#post('/token', {
      client_id: clientId,
      grant_type: grant,
      device_code: begun.device_code ?? '',
    });
    return answer.id_token ?? '';
  }

  /** What the provider would never sign, by its own key. */
  sign(claims: Record<string, unknown>, head: Record<string, unknown> = {}, key = this.key): Promise<string> {
    const seconds = Math.floor(Date.now() / 1000);
    const usual = { iss: this.url, aud: clientId, sub: 'alice', ...people.alice, iat: seconds, exp: seconds + 600 };
    return new SignJWT({ ...usual, ...claims })
      .setProtectedHeader({ alg: String(key.jwk.alg), typ: 'JWT', kid: String(key.jwk.kid), ...head })
      .sign(key.privateKey);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #restart(): void {
    this.#provider = new Provider(this.url, {
      clients: [
        {
          client_id: clientId,
          token_endpoint_auth_method: 'none',
          application_type: 'native',
          grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
          redirect_uris: [],
          response_types: [],
        },
      ],
      jwks: { keys: [this.key.jwk, ...this.#besides] },
      claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
      scopes: ['openid', 'email', 'groups'],
      conformIdTokenClaims: false,
      ttl: { DeviceCode: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
      features: { deviceFlow: { enabled: true }, devInteractions: { enabled: false } },
      findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub, ...people[sub] }) }),
    });
    this.#listener = this.#provider.callback();
  }

  async #post(path: string, form: Record<string, string>): Promise<Record<string, string>> {
    const answer = await fetch(`${this.url}${path}`, { method: 'POST', body: new URLSearchParams(form) });
    if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as Record<string, string>;
  }
}
