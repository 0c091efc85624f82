import { describe, expect, it } from 'vitest';
import { enrolBody, idleDevice, SmallFleet } from '../../fakes/small-fleet.ts';

const enrol = (small: SmallFleet, token: string, id: string) => small.ask('POST', '/v1/enrol', token, enrolBody(id));

describe('an enrolment token', () => {
  it('lets in as many devices as it has uses, and no more', async () => {
    await using small = await SmallFleet.open();
    const token = await small.enrolmentToken(2);
    expect((await enrol(small, token, 'a')).statusCode).toBe(201);
    expect((await enrol(small, token, 'b')).statusCode).toBe(201);
    const third = await enrol(small, token, 'c');
    expect([third.statusCode, third.json().code]).toEqual([401, 'enrolment-token-invalid']);
  });

  it('lets one in when many ask at once with its only use', async () => {
    await using small = await SmallFleet.open();
    const token = await small.enrolmentToken(1);
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map((id) => enrol(small, token, id)));
    expect(answers.map((answer) => answer.statusCode).sort()).toEqual([201, 401, 401, 401]);
  });

  it('answers again, with a new device token, when its answer was lost', async () => {
    await using small = await SmallFleet.open();
    const token = await small.enrolmentToken(1);
    const first = (await enrol(small, token, 'a')).json().deviceToken;
    const second = (await enrol(small, token, 'a')).json().deviceToken;
    expect((await small.ask('POST', '/v1/devices/a/check', first, idleDevice)).statusCode).toBe(401);
    expect((await small.ask('POST', '/v1/devices/a/check', second, idleDevice)).statusCode).toBe(200);
  });

  it('cannot take over a device that has been seen, nor one that another token enrolled', async () => {
    await using small = await SmallFleet.open();
    const token = await small.enrolmentToken(5);
    const device = (await enrol(small, token, 'a')).json().deviceToken;
    await small.check('a', device);
    await enrol(small, token, 'b');
    for (const [other, id] of [
      [token, 'a'],
      [await small.enrolmentToken(5), 'b'],
    ] as const) {
      const answer = await enrol(small, other, id);
      expect([answer.statusCode, answer.json().code]).toEqual([409, 'device-exists']);
    }
    expect(await small.check('a', device)).toMatchObject({ reason: 'no-rollout' });
  });

  it('lets a forgotten device in again', async () => {
    await using small = await SmallFleet.open();
    const old = await small.enrol('a');
    await small.check('a', old);
    await small.fleet.forgetDevice('a');
    const fresh = await small.enrol('a');
    expect(await small.check('a', old)).toMatchObject({ code: 'unauthenticated' });
    expect(await small.check('a', fresh)).toMatchObject({ decision: 'none' });
  });

  it('is nowhere in the database, nor is any other token', async () => {
    await using small = await SmallFleet.open();
    const tokens = [await small.enrolmentToken(1), await small.enrol('a'), await small.token('ci', 'devices:read')];
    const stored = JSON.stringify(await small.fleet.listTokens({ limit: 100 }));
    for (const token of tokens) expect(stored).not.toContain(token.slice(-43));
  });
});

describe('asking too often', () => {
  it('is answered 429 with a time to wait, for enrolments by address', async () => {
    await using small = await SmallFleet.open({ policy: { enrolmentsPerMinute: 2 } });
    const answers = [];
    for (const id of ['a', 'b', 'c']) answers.push(await enrol(small, 'slp_none', id));
    expect(answers.map((answer) => answer.statusCode)).toEqual([401, 401, 429]);
    expect(answers[2]?.json().code).toBe('rate-limited');
    expect(Number(answers[2]?.headers['retry-after'])).toBeGreaterThan(0);
  });

  it('is answered 429 for the device that does it and not for another', async () => {
    await using small = await SmallFleet.open({ policy: { checksPerMinute: 1 } });
    const [a, b] = [await small.enrol('a'), await small.enrol('b')];
    expect((await small.ask('POST', '/v1/devices/a/check', a, idleDevice)).statusCode).toBe(200);
    const second = await small.ask('POST', '/v1/devices/a/check', a, idleDevice);
    expect([second.statusCode, second.json().code]).toEqual([429, 'rate-limited']);
    expect(Number(second.headers['retry-after'])).toBeGreaterThan(0);
    expect((await small.ask('POST', '/v1/devices/b/check', b, idleDevice)).statusCode).toBe(200);
  });
});
