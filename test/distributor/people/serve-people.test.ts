/** A server that was started with its options for people and for private products, as an operator starts it. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { clientId, OidcIssuer } from '../../fakes/oidc-issuer.ts';
import { type Served, serve } from '../../fakes/served.ts';
import { product, smallRelease } from '../../fakes/signed-repository.ts';
import { SmallFleet } from '../../fakes/small-fleet.ts';

let folder: string;
let issuer: OidcIssuer;
let server: Served | undefined;
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'serve-people-'));
  issuer = await OidcIssuer.open();
});
afterEach(async () => {
  await server?.end('SIGTERM');
  server = undefined;
  await issuer[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

it('knows people by the file of --people, and says where they sign in', async () => {
  const file = path.join(folder, 'people.yaml');
  const grant = { when: { groups: 'fleet-admins' }, scopes: ['devices:read'], readOnly: true };
  const entry = { issuer: issuer.url, audience: clientId, login: { clientId }, grants: [grant] };
  writeFileSync(file, JSON.stringify({ issuers: [entry] }));
  server = await serve(folder, 0, '--people', file, '--log-level', 'info');
  const { url } = server;
  const ask = async (place: string, bearer?: string) => {
    const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
    return (await fetch(`${url}${place}`, { headers })).json() as Promise<Record<string, unknown>>;
  };
  const { issuers } = await ask('/v1/login');
  expect(issuers).toEqual([{ issuer: issuer.url, clientId, scopes: ['openid', 'email'], token: 'id_token' }]);
  const bearer = await issuer.idTokenOf('alice');
  expect(await ask('/v1/whoami', bearer)).toMatchObject({ actor: `alice@example.org via ${issuer.url}` });
  expect(await ask('/v1/devices', bearer)).toEqual({ devices: [] });
  // Wherever somebody puts it.
  await ask(`/v1/devices?label=a%3D${bearer}`, bearer);
  expect(server.said()).toContain(`"by":"alice@example.org via ${issuer.url}"`);
  expect(server.said()).not.toContain(bearer);
});

it('keeps a product private by --private-product, and warns of a name that the repository does not have', async () => {
  await using small = await SmallFleet.open();
  await small.publish(smallRelease('1.0.0', 1));
  cpSync(path.join(small.folder, 'store'), path.join(folder, 'store'), { recursive: true });
  const options = ['--private-product', product, '--private-product', 'misspelt', '--log-level', 'warn'];
  server = await serve(folder, 0, ...options, '--blobs-from', 'https://cache.example.org/');
  const { url } = server;
  const statusOf = async (place: string) => (await fetch(`${url}${place}`, { redirect: 'manual' })).status;
  expect(await statusOf(`/v1/metadata/${small.repository.version}.${product}.json`)).toBe(401);
  expect(await statusOf('/v1/metadata/timestamp.json')).toBe(200);
  expect(server.said()).toContain('"product":"misspelt","code":"product-unknown"');
  expect(server.said()).not.toContain(`"product":"${product}"`);
});
