/** An operator behind a proxy asks a server by its API. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import { askServer } from '../../distributor/commands/server-client.ts';
import { ForwardProxy } from '../fakes/forward-proxy.ts';

let folder: string;
const before = process.env.HTTPS_PROXY;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'operator-proxy-'));
  writeFileSync(path.join(folder, 'token'), 'token');
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  if (before === undefined) delete process.env.HTTPS_PROXY;
  else process.env.HTTPS_PROXY = before;
});

const ask = (server: string) =>
  askServer(
    { server, tokenFile: path.join(folder, 'token') },
    { method: 'GET', path: '/v1/rollouts' },
    z.unknown(),
  ).catch((error: unknown) => error as Error & { hint: string });

it.each([
  ['that wants other credentials', { credentials: 'user:other' }, '407'],
  ['that cannot reach it', {}, '502'],
])('%s is told what it answered, and named without credentials', async (_, options, status) => {
  await using proxy = await ForwardProxy.open(options);
  process.env.HTTPS_PROXY = `http://user:s3cret@127.0.0.1:${proxy.port}`;
  const { message, hint } = (await ask('https://updates.example.test')) as Error & { hint: string };
  expect(proxy.asked).toEqual(['CONNECT updates.example.test:443']);
  expect(message).toContain(status);
  expect(hint).toContain(`HTTPS_PROXY (${proxy.url})`);
  expect(message + hint).not.toContain('s3cret');
});
