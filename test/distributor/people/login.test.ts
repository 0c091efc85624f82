/** A person signs in by the command line at a real OpenID provider, and operates a server with the bearer. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bearerVerifier } from '../../../distributor/adapters/oidc/bearer-verifier.ts';
import { deviceLogin } from '../../../distributor/adapters/oidc/device-login.ts';
import { peopleSchema } from '../../../distributor/people/issuers.ts';
import { People } from '../../../distributor/people/people.ts';
import { noProxyRule } from '../../../system/network/proxy.ts';
import { callDistributor } from '../../fakes/distributor-command.ts';
import { clientId, OidcIssuer } from '../../fakes/oidc-issuer.ts';
import { SmallFleet } from '../../fakes/small-fleet.ts';

let issuer: OidcIssuer;
let small: SmallFleet;
let server: string;
let folder: string;
beforeEach(async () => {
  issuer = await OidcIssuer.open();
  const { issuers } = peopleSchema.parse({
    issuers: [
      {
        issuer: issuer.url,
        audience: clientId,
        login: { clientId, scopes: ['openid', 'email', 'groups'] },
        grants: [{ when: { groups: 'fleet-admins' }, scopes: ['devices:read', 'rollouts:read'], readOnly: true }],
      },
    ],
  });
  small = await SmallFleet.open({ people: new People(issuers, bearerVerifier(issuers, { proxies: noProxyRule })) });
  server = await small.app.listen({ port: 0, host: '127.0.0.1' });
  folder = mkdtempSync(path.join(tmpdir(), 'login-'));
});
afterEach(async () => {
  await small[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Answers the question of `login` as a person in a browser does. */
const confirming = (accountId: string): typeof deviceLogin => ({
  signIn: (place, ask) =>
    deviceLogin.signIn(place, (question) => {
      ask(question);
      void issuer.confirm(question.code, accountId);
    }),
});

describe('login', () => {
  it('shows address and code, and leaves a bearer that verbs work with, for its owner alone', async () => {
    const tokenFile = path.join(folder, 'token');
    writeFileSync(tokenFile, 'old');
    chmodSync(tokenFile, 0o644);
    const place = ['--server', server, '--token-file', tokenFile];
    const signedIn = await callDistributor(['login', ...place], { personLogin: confirming('alice') });
    expect(signedIn).toMatchObject({ status: 0, stdout: expect.stringContaining(`Signed in at ${issuer.url}`) });
    expect(signedIn.stderr).toMatch(/Open http\S+ in a browser and confirm the code [A-Z]{4}-[A-Z]{4}/);
    expect(signedIn.stdout + signedIn.stderr).not.toContain(readFileSync(tokenFile, 'utf8').trim());
    expect((statSync(tokenFile).mode & 0o777).toString(8)).toBe('600');

    const who = await callDistributor(['whoami', ...place]);
    expect(who.stdout).toContain(`alice@example.org via ${issuer.url}`);
    expect(who.stdout).toContain('devices:read,rollouts:read  read only');
    expect((await callDistributor(['device', 'ls', ...place])).status).toBe(0);
    const refused = await callDistributor(['device', 'revoke', 'gate-1', ...place, '--json']);
    expect([refused.status, JSON.parse(refused.stdout).error.code]).toEqual([5, 'forbidden']);
  });

  it('says so where the server knows no issuer, or another one', async () => {
    const place = ['--server', server, '--token-file', path.join(folder, 'token')];
    const other = await callDistributor(['login', ...place, '--issuer', 'https://login.example.org', '--json']);
    expect([other.status, JSON.parse(other.stdout).error.code]).toEqual([2, 'usage']);
    await using open = await SmallFleet.open();
    const url = await open.app.listen({ port: 0, host: '127.0.0.1' });
    const none = await callDistributor(['login', '--server', url, '--token-file', 'x', '--json']);
    expect(JSON.parse(none.stdout).error.message).toContain('nobody can sign in');
  });

  it('fails with a code of its own where the issuer refuses the client', async () => {
    const place = { issuer: issuer.url, clientId: 'another', scopes: ['openid'], token: 'id_token' as const };
    await expect(deviceLogin.signIn(place, () => {})).rejects.toMatchObject({ code: 'login-failed' });
  });
});

describe('a command that prints the token', () => {
  it('is asked where there is no file', async () => {
    const token = await small.token('operator', 'devices:read');
    const file = path.join(folder, 'token');
    writeFileSync(file, token);
    const ls = await callDistributor(['device', 'ls', '--server', server, '--token-command', `cat ${file}`, '--json']);
    expect([ls.status, JSON.parse(ls.stdout)]).toEqual([0, { devices: [] }]);
  });

  it.each([
    ['fails', 'echo sign in first >&2; exit 3', 'sign in first'],
    ['prints nothing', 'true', 'did not print a token'],
    ['prints a page', 'echo a b c', 'did not print a token'],
  ])('is named without its words where it %s', async (_what, command, message) => {
    const words = ['device', 'ls', '--server', server, '--token-command', command, '--json'];
    const { status, stdout } = await callDistributor(words);
    const { error } = JSON.parse(stdout);
    expect([status, error.code, error.message]).toEqual([3, 'key-unreadable', expect.stringContaining(message)]);
  });
});
