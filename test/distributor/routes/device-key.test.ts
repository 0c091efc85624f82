/** Devices with a key of their own: how it becomes known, what a signed request gives, and what is refused. */
import { describe, expect, it } from 'vitest';
import { signingKey } from '../../fakes/signing-key.ts';
import { enrolBody, SmallFleet } from '../../fakes/small-fleet.ts';

type Key = ReturnType<typeof signingKey>;

function post(small: SmallFleet, path: string, body: object, headers: object) {
  const json = { 'content-type': 'application/json', ...headers };
  return small.app.inject({ method: 'POST', url: path, headers: json, payload: JSON.stringify(body) });
}

function register(small: SmallFleet, id: string, key: Key, token: string, signer = key) {
  const [path, body] = [`/v1/devices/${id}/key`, { schemaVersion: 1, publicKey: key.publicKey }];
  const signature = signer.fields('POST', path, body, small.now);
  return post(small, path, body, { ...signature, authorization: `Bearer ${token}` });
}

const session = { schemaVersion: 1 };

function signIn(small: SmallFleet, id: string, key: Key, signedAt = small.now) {
  const path = `/v1/devices/${id}/session`;
  return post(small, path, session, key.fields('POST', path, session, signedAt));
}

async function enrolWithKey(small: SmallFleet, id: string, key: Key) {
  const body = { ...enrolBody(id), schemaVersion: 2, publicKey: key.publicKey };
  return (await small.ask('POST', '/v1/enrol', await small.enrolmentToken(1), body)).json();
}

describe('a device with a long bearer', () => {
  it('registers its key with it, and signs in; then the long bearer has ended', async () => {
    await using small = await SmallFleet.open();
    const [key, old] = [signingKey(), await small.enrol('a')];
    expect((await register(small, 'a', key, old)).json()).toEqual({ deviceId: 'a', keyId: key.keyId });
    expect(await small.check('a', old)).toMatchObject({ decision: 'none' });
    const { deviceToken, expiresInSeconds } = (await signIn(small, 'a', key)).json();
    expect(expiresInSeconds).toBe(3600);
    expect(await small.check('a', deviceToken)).toMatchObject({ decision: 'none' });
    expect(await small.check('a', old)).toMatchObject({ code: 'unauthenticated' });
    small.lapse(3601);
    expect(await small.check('a', deviceToken)).toMatchObject({ code: 'unauthenticated' });
    expect((await signIn(small, 'a', key)).statusCode).toBe(200);
  });

  it('goes on with it where its updater knows of no key', async () => {
    await using small = await SmallFleet.open();
    const old = await small.enrol('a');
    small.lapse(400 * 86_400);
    expect(await small.check('a', old)).toMatchObject({ decision: 'none' });
  });

  it('keeps the key that it registered first: another one is another machine', async () => {
    await using small = await SmallFleet.open();
    const [key, other, old] = [signingKey(), signingKey(), await small.enrol('a')];
    await register(small, 'a', key, old);
    expect((await register(small, 'a', key, old)).statusCode).toBe(200);
    const refused = await register(small, 'a', other, old);
    expect([refused.statusCode, refused.json().code]).toEqual([403, 'identity-shared']);
    expect((await signIn(small, 'a', other)).json().code).toBe('request-signature-invalid');
  });

  it('registers no key that it does not have, and none for another device', async () => {
    await using small = await SmallFleet.open();
    const [key, a, b] = [signingKey(), await small.enrol('a'), await small.enrol('b')];
    expect((await register(small, 'a', key, a, signingKey())).json().code).toBe('request-signature-invalid');
    expect((await register(small, 'a', key, b)).json().code).toBe('forbidden');
  });
});

describe('a signed request', () => {
  it('counts once, near its time, and for a device that is known', async () => {
    await using small = await SmallFleet.open();
    const key = signingKey();
    await enrolWithKey(small, 'a', key);
    const path = '/v1/devices/a/session';
    const recorded = key.fields('POST', path, session, small.now);
    expect((await post(small, path, session, recorded)).statusCode).toBe(200);
    expect((await post(small, path, session, recorded)).json().code).toBe('request-replayed');
    small.lapse(301);
    expect((await post(small, path, session, recorded)).json().code).toBe('request-stale');
    expect((await signIn(small, 'a', key, small.now + 301_000)).json().code).toBe('request-stale');
    expect((await signIn(small, 'b', key)).json().code).toBe('device-key-unknown');
  });

  it('of a revoked device gives nothing', async () => {
    await using small = await SmallFleet.open();
    const key = signingKey();
    await enrolWithKey(small, 'a', key);
    await small.fleet.revokeDevice('a', small.now);
    expect((await signIn(small, 'a', key)).json().code).toBe('device-revoked');
  });
});

it('a stolen key gives nothing from the revocation on, and the device is back with another one', async () => {
  await using small = await SmallFleet.open();
  const [stolen, fresh] = [signingKey(), signingKey()];
  await enrolWithKey(small, 'a', stolen);
  const thief = (await signIn(small, 'a', stolen)).json().deviceToken;
  const operator = await small.token('operator', 'devices:read', 'devices:control');
  await small.ask('POST', '/v1/devices/a/revoke', operator, { reason: 'the key was stolen' });
  expect(await small.check('a', thief)).toHaveProperty('code');
  expect((await signIn(small, 'a', stolen)).statusCode).toBe(403);
  expect(await enrolWithKey(small, 'a', fresh)).toMatchObject({ code: 'device-exists' });

  await small.ask('POST', '/v1/devices/a/forget', operator, {});
  const { deviceToken } = await enrolWithKey(small, 'a', fresh);
  expect(await small.check('a', deviceToken)).toMatchObject({ decision: 'none' });
  expect(await small.check('a', thief)).toHaveProperty('code');
  expect((await signIn(small, 'a', stolen)).json().code).toBe('request-signature-invalid');
  expect((await signIn(small, 'a', fresh)).statusCode).toBe(200);
});

describe('a device that enrols with its key', () => {
  it('has a short bearer from the beginning', async () => {
    await using small = await SmallFleet.open({ policy: { bearerSeconds: 60 } });
    const key = signingKey();
    const { deviceToken, expiresInSeconds } = await enrolWithKey(small, 'a', key);
    expect(expiresInSeconds).toBe(60);
    expect(await small.check('a', deviceToken)).toMatchObject({ decision: 'none' });
    small.lapse(61);
    expect(await small.check('a', deviceToken)).toMatchObject({ code: 'unauthenticated' });
    const events = await small.fleet.listEvents(0, 9);
    expect(JSON.stringify(events)).not.toContain(deviceToken);
  });
});

describe('a device that has to be accepted', () => {
  const byHand = { policy: { acceptance: async () => 'pending' as const } };

  it('gets nothing before, and everything from then on, by the key that it enrolled with', async () => {
    await using small = await SmallFleet.open(byHand);
    const key = signingKey();
    const { deviceToken } = await enrolWithKey(small, 'a', key);
    expect(await small.check('a', deviceToken)).toMatchObject({ code: 'device-pending' });
    expect((await small.report('a', deviceToken, {})).json().code).toBe('device-pending');
    expect((await signIn(small, 'a', key)).json().code).toBe('device-pending');
    const control = await small.token('operator', 'devices:control', 'devices:read');
    expect((await small.ask('GET', '/v1/devices/a', control)).json()).toMatchObject({
      ...{ status: 'pending', keyId: key.keyId },
    });
    expect((await small.ask('GET', '/v1/devices/a/why', control)).json()).toMatchObject({ state: 'pending' });
    const accepted = await small.ask('POST', '/v1/devices/a/accept', control, { reason: 'seen on the bench' });
    expect(accepted.json()).toEqual({ id: 'a', status: 'accepted' });
    expect(await small.check('a', deviceToken)).toMatchObject({ decision: 'none' });
    expect((await signIn(small, 'a', key)).statusCode).toBe(200);
    const events = await small.fleet.listEvents(0, 9);
    expect(events.map(({ kind }) => kind)).toContain('device-accepted');
  });

  it('is told when it was rejected, and may be accepted after all; a revoked one may not', async () => {
    await using small = await SmallFleet.open(byHand);
    const key = signingKey();
    const { deviceToken } = await enrolWithKey(small, 'a', key);
    const control = await small.token('operator', 'devices:control');
    const act = (action: string) => small.ask('POST', `/v1/devices/a/${action}`, control);
    await act('reject');
    expect(await small.check('a', deviceToken)).toMatchObject({ code: 'device-rejected' });
    expect((await act('accept')).statusCode).toBe(200);
    expect((await act('reject')).json().code).toBe('device-decided');
    await act('revoke');
    expect((await act('accept')).json().code).toBe('device-decided');
  });

  it('reads nothing that needs the token of a device', async () => {
    const policy = { ...byHand.policy, requireTokenForReads: true };
    await using small = await SmallFleet.open({ policy });
    const { deviceToken } = await enrolWithKey(small, 'a', signingKey());
    expect((await small.ask('GET', '/v1/metadata/timestamp.json', deviceToken)).json().code).toBe('device-pending');
    await small.fleet.decideDevice('a', 'accepted', small.now);
    expect((await small.ask('GET', '/v1/metadata/timestamp.json', deviceToken)).statusCode).toBe(200);
  });
});
