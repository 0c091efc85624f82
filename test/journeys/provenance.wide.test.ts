/** A device that requires where a release is from, through the built programs: over HTTP, and from a bundle. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sha256 } from '../../contract/digest.ts';
import { platformSlug } from '../../contract/release/platform.ts';
import { RunningProgram, runCommand, runJson } from '../../infra/demo/programs.ts';
import { mustCallPackager } from '../fakes/packager-command.ts';
import {
  configureDevice,
  endService,
  enrolmentToken,
  listening,
  mustCallDistributor,
  pageContent,
  platform,
  publishShop,
  publishShopRelease,
} from './small-shop.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'slipway-provenance-'));
const at = (...parts: string[]) => path.join(folder, ...parts);
const store = `file://${at('store')}`;
let distributor: RunningProgram;
let server: string;
let tokenFile: string;

beforeAll(async () => {
  await publishShop(folder, store);
  await mustCallPackager('keygen', 'builder', 'stranger', '--out', at('builders'));
  distributor = new RunningProgram('slipway-distributor', [
    ...['serve', '--store', store, '--rollouts', at('rollouts'), '--state', at('state'), '--refresh', '1s'],
    ...['--require-token-for-reads', '--listen', '127.0.0.1:0', '--log-level', 'error', '--json'],
  ]);
  server = await listening(distributor);
  tokenFile = await enrolmentToken(at('state'), 9);
});
afterAll(async () => {
  await distributor.stop();
  rmSync(folder, { recursive: true, force: true });
});

const requiring = (deviceId: string, key: string) =>
  configureDevice(at(deviceId), {
    ...{ server, deviceId, developmentAllowHttp: true, trustedRoot: at('root.json'), enrolment: { tokenFile } },
    require: { provenance: [at('builders', `${key}.pub.pem`)], sbom: true, upstream: true },
  });

async function edge(...words: string[]) {
  const { exitCode, stdout } = await runCommand('slipway-edge', [...words, '--json']);
  return { exitCode, printed: JSON.parse(stdout) };
}

/** What upstream would publish of the page and the server, an SBOM, and a statement by the builder. */
function documents(): string[] {
  writeFileSync(
    at('list.txt'),
    `${sha256(pageContent)}  page\n${sha256(Buffer.from('#!/bin/sh\nexec sleep 1000\n'))}  server\n`,
  );
  writeFileSync(at('sbom.json'), JSON.stringify({ bomFormat: 'CycloneDX', specVersion: '1.5', components: [] }));
  return [
    ...[
      '--checksums',
      at('list.txt'),
      '--sbom',
      at('sbom.json'),
      '--provenance-key',
      at('builders', 'builder.key.pem'),
    ],
    ...['--builder-id', 'https://ci.example.com/slipway'],
  ];
}

it('refuses a release without it, says so to the server, and takes the next one that has it', async () => {
  const configuration = requiring('wt-1', 'builder');
  expect(await edge('check-now', '--config', configuration)).toMatchObject({
    exitCode: 4,
    printed: { error: { code: 'provenance-missing' } },
  });
  await edge('check-now', '--config', configuration);
  const show = ['device', 'show', 'wt-1', '--state', at('state')];
  expect(await mustCallDistributor(...show)).toMatchObject({ heldBy: { fault: 'device', code: 'provenance-missing' } });
  await publishShopRelease(folder, store, '1.1.0', 2, documents());
  // The server looks at its store each second.
  const asked = async () => {
    await edge('check-now', '--config', configuration);
    const status = await runJson<{ current?: { version: string } }>('slipway-edge', [
      'status',
      '--config',
      configuration,
    ]);
    return status.current?.version;
  };
  await expect.poll(asked, { timeout: 60_000, interval: 500 }).toBe('1.1.0');
  await endService(configuration);
});

it('refuses a statement that another builder signed', async () => {
  expect(await edge('check-now', '--config', requiring('wt-2', 'stranger'))).toMatchObject({
    exitCode: 4,
    printed: { error: { code: 'provenance-invalid' } },
  });
});

it('does not start with a key that is none', async () => {
  writeFileSync(at('builders', 'broken.pub.pem'), 'no key');
  expect(await edge('check-now', '--config', requiring('wt-3', 'broken'))).toMatchObject({
    printed: { error: { code: 'key-unreadable' } },
  });
});

it('takes a bundle with its attachments, and refuses one without', async () => {
  const channel = `shop/${platformSlug(platform)}/stable`;
  const bundle = ['bundle', '--store', store, '--channel', channel, '--out'];
  await mustCallPackager(...bundle, at('plain.bundle'));
  await mustCallPackager(...bundle, at('full.bundle'), '--attachments');
  const configuration = requiring('wt-4', 'builder');
  expect(await edge('install', at('plain.bundle'), '--config', configuration)).toMatchObject({
    exitCode: 4,
    printed: { error: { code: 'provenance-missing' } },
  });
  expect(await edge('install', at('full.bundle'), '--config', configuration)).toMatchObject({
    exitCode: 0,
    printed: { attempt: { outcome: 'committed', version: '1.1.0' } },
  });
  await endService(configuration);
});
