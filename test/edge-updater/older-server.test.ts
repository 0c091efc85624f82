/** A device of today and servers of other days, over real HTTP: an older one loses nothing, a newer one may say more. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type CheckRequest, checkRequestSchema } from '../../contract/device-api/check.ts';
import { type Report, reportSchemaVersion1 } from '../../contract/device-api/report.ts';
import { HttpServer } from '../../edge-updater/adapters/network/http-server.ts';
import { never } from '../fakes/edge-device.ts';
import { idleDevice } from '../fakes/small-fleet.ts';

const at = '2026-12-01T00:00:00.000Z';
const trouble = { code: 'clock-wrong', fault: 'device', message: 'm', since: at } as const;
const check: CheckRequest = { ...idleDevice, schemaVersion: 2, troubles: [trouble] };
const attempt = { at, attempt: 'a', rollout: 'r', version: '2.0.0', phase: 'idle', outcome: 'failed' } as const;
const transfer = { bytesOnWire: 1, fullBytes: 2, resumedFrom: 0 };
const reports: Report[] = [
  { ...attempt, sequence: 1, code: 'tls-failed', fault: 'path', transfer, nextTryAt: at },
  { ...attempt, sequence: 2, code: 'clock-wrong', fault: 'device', message: 'm' },
  { ...attempt, sequence: 3, phase: 'committed', outcome: 'committed', transfer },
];

/** What a distributor of version 1 took: its schemas were strict. */
const checkOfVersion1 = checkRequestSchema.options[0];
const reportsOfVersion1 = z.strictObject({ schemaVersion: z.literal(1), reports: z.array(reportSchemaVersion1) });

let server: Server;
let asked: { readonly path: string; readonly schemaVersion: number; readonly status: number }[];
let heard: z.infer<typeof reportSchemaVersion1>[];
let answer: object;
/** Versions that it takes. */
let understood: readonly number[];

beforeEach(async () => {
  [asked, heard, answer, understood] = [[], [], { decision: 'none', reason: 'up-to-date' }, [1]];
  server = createServer(async (request, response) => {
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString());
    const path = request.url?.split('/').at(-1) ?? '';
    const schema = path === 'check' ? checkOfVersion1 : reportsOfVersion1;
    const isFine =
      understood.includes(body.schemaVersion) && (body.schemaVersion === 2 || schema.safeParse(body).success);
    asked.push({ path, schemaVersion: body.schemaVersion, status: isFine ? 200 : 400 });
    if (!isFine) return response.writeHead(400).end(JSON.stringify({ code: 'usage', message: 'body/schemaVersion' }));
    if (path === 'reports') heard.push(...body.reports);
    response.end(JSON.stringify(path === 'check' ? answer : { acknowledgedThrough: 3, mood: 'good' }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => server.close());

/** A process of the updater. */
function start(): HttpServer {
  return new HttpServer({
    ...{ server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, deviceId: 'wt-1', userAgent: 'test' },
    ...{ caFile: undefined, developmentAllowHttp: true, stallSeconds: 5 },
    token: async () => `slp_device_${'d'.repeat(43)}`,
  });
}

describe('a server of version 1', () => {
  it('is asked again at once in version 1, and then only in version 1', async () => {
    const device = start();
    expect(await device.check(check, never)).toEqual(answer);
    await device.check(check, never);
    await device.report(reports, never);
    await device.close();
    expect(asked.map(({ path, schemaVersion, status }) => `${path} ${schemaVersion} ${status}`)).toEqual([
      ...['check 2 400', 'check 1 200', 'check 1 200', 'reports 1 200'],
    ]);
  });

  it('hears every report, each with a code that it knows', async () => {
    const device = start();
    expect(await device.report(reports, never)).toMatchObject({ acknowledgedThrough: 3 });
    await device.close();
    expect(heard.map(({ sequence, code, message }) => [sequence, code, message])).toEqual([
      [1, 'server-unreachable', 'tls-failed'],
      [2, 'io-error', 'clock-wrong: m'],
      [3, undefined, undefined],
    ]);
  });

  it('is not given a rollout to blame for a refusal of the device or the path', async () => {
    const device = start();
    await device.report([...reports, { ...attempt, sequence: 4, code: 'release-rejected', fault: 'release' }], never);
    await device.close();
    // The first belongs to an attempt that the server waits for.
    expect(heard.map(({ rollout }) => rollout)).toEqual(['r', undefined, 'r', 'r']);
  });

  it('that was replaced is asked in version 2 by the next process', async () => {
    const first = start();
    await first.check(check, never);
    await first.close();
    understood = [1, 2];
    const next = start();
    await next.check(check, never);
    await next.close();
    expect(asked.map(({ schemaVersion }) => schemaVersion)).toEqual([2, 1, 2]);
  });

  it('that refuses version 1 as well leaves the device with version 2', async () => {
    understood = [];
    const device = start();
    await expect(device.check(check, never)).rejects.toMatchObject({ code: 'server-refused', fault: 'path' });
    understood = [2];
    await device.check(check, never);
    await device.close();
    expect(asked.map(({ schemaVersion }) => schemaVersion)).toEqual([2, 1, 2]);
  });
});

describe('a server that is newer', () => {
  beforeEach(() => {
    understood = [2];
  });
  const ask = async () => {
    const device = start();
    try {
      return await device.check(check, never);
    } finally {
      await device.close();
    }
  };

  it('may give a reason that nobody here knows', async () => {
    answer = { decision: 'none', reason: 'moon-in-the-way', detail: 'full', tide: 'high' };
    expect(await ask()).toEqual({ decision: 'none', reason: 'moon-in-the-way', detail: 'full' });
  });

  it('may say more of an offer and its window', async () => {
    const offer = { rollout: 'r', wave: 'w', targetPath: 'p', version: '2.0.0', counter: 2 };
    const switchWindow = { opensInSeconds: 1, closesInSeconds: 2 };
    answer = {
      decision: 'update',
      reason: 'r',
      offer: { ...offer, switchWindow: { ...switchWindow, a: 1 }, b: 2 },
      c: 3,
    };
    expect(await ask()).toEqual({ decision: 'update', reason: 'r', offer: { ...offer, switchWindow } });
  });

  it('may not decide what nobody here can do', async () => {
    answer = { decision: 'dance', reason: 'r' };
    await expect(ask()).rejects.toMatchObject({ code: 'server-answer-invalid' });
  });
});
