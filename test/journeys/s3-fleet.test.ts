import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RunningProgram, runJson } from '../../infra/demo/programs.ts';
import { describeUnless } from '../services/requirement.ts';
import { freshBucket, type S3Service, s3Client, s3Service } from '../services/s3.ts';

const service = s3Service();
const platform = process.arch === 'arm64' ? 'linux/arm64' : 'linux/amd64';
const content = Buffer.alloc(300_000, 'a page that compresses well, and another one. ');

describeUnless('unavailable' in service ? service.unavailable : undefined, 'a fleet over an S3 bucket', () => {
  const s3 = service as S3Service;
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-s3-fleet-'));
  const inFolder = (...parts: string[]) => path.join(folder, ...parts);
  let bucket: string;
  let store: string;
  let distributor: RunningProgram | undefined;

  beforeAll(async () => {
    process.env.AWS_ACCESS_KEY_ID = s3.owner.accessKeyId;
    process.env.AWS_SECRET_ACCESS_KEY = s3.owner.secretAccessKey;
    process.env.AWS_ENDPOINT_URL_S3 = s3.endpoint;
    process.env.AWS_REGION = s3.region;
    bucket = await freshBucket(s3);
    store = `s3://${bucket}/edge`;
    mkdirSync(inFolder('app'));
    mkdirSync(inFolder('rollouts'));
    writeFileSync(inFolder('app', 'server'), '#!/bin/sh\nexec sleep 1000\n');
    writeFileSync(inFolder('app', 'page'), content);
    const components = [
      { name: 'server', kind: 'binary', source: './server' },
      { name: 'page', kind: 'file', source: './page' },
    ];
    const release = {
      apiVersion: 'slipway/v1',
      kind: 'Release',
      product: 'shop',
      version: '1.0.0',
      platform,
      counter: 1,
    };
    writeFileSync(inFolder('app', 'release.yaml'), JSON.stringify({ ...release, components }));
    const spec = { product: 'shop', channel: 'stable', waves: [{ name: 'all', percent: 100 }] };
    const rollout = { apiVersion: 'slipway/v1', kind: 'Rollout', metadata: { name: 'shop' }, spec };
    writeFileSync(inFolder('rollouts', 'shop.yaml'), JSON.stringify(rollout));

    const keys = ['--keys', inFolder('keys')];
    const init = ['init', '--store', store, '--product', 'shop', '--demo', '--root-out', inFolder('root.json')];
    await runJson('slipway-packager', [...init, ...keys]);
    await runJson('slipway-packager', ['build', inFolder('app', 'release.yaml'), '--out', inFolder('build')]);
    await runJson('slipway-packager', ['publish', inFolder('build'), '--store', store, '--channel', 'stable', ...keys]);
  });

  afterAll(async () => {
    await distributor?.stop();
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_ENDPOINT_URL_S3', 'AWS_REGION']) {
      delete process.env[name];
    }
  });

  it('has every blob and manifest under its own digest, as any S3 client reads it', async () => {
    const client = s3Client(s3);
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: 'edge/' }));
    const named = Contents.flatMap(({ Key }) => {
      const digest = /(?:blobs\/sha256\/..\/|targets\/)([0-9a-f]{64})/.exec(Key ?? '')?.[1];
      return Key && digest ? [{ Key, digest }] : [];
    });
    expect(named).toHaveLength(3);
    for (const { Key, digest } of named) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key }));
      const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(digest);
    }
    client.destroy();
  });

  it.each([
    ['streamed through the distributor', []],
    ['fetched from presigned URLs', ['--redirect-blobs']],
  ])('brings a device to the release, its blobs %s', async (how, flags) => {
    const at = (...parts: string[]) => inFolder(how.replaceAll(' ', '-'), ...parts);
    mkdirSync(at('device'), { recursive: true });
    const enrolment = await runJson<{ token: string }>('slipway-distributor', [
      ...['enrolment-token', 'create', '--state', at('state')],
    ]);
    writeFileSync(at('token'), enrolment.token);
    distributor = new RunningProgram('slipway-distributor', [
      ...['serve', '--store', store, '--rollouts', inFolder('rollouts'), '--state', at('state')],
      ...['--listen', '127.0.0.1:0', '--log-level', 'error', '--json', ...flags],
    ]);
    const server = await listening(distributor);
    const configuration = {
      ...{ server, developmentAllowHttp: true, deviceId: 'shop-1', product: 'shop', stateDir: at('device') },
      ...{ trustedRoot: inFolder('root.json'), enrolment: { tokenFile: at('token') } },
      service: { manager: 'exec', command: ['{current}/bin/server'] },
      health: { command: ['test', '-x', '{current}/bin/server'], intervalSeconds: 0.1, soakSeconds: 0 },
    };
    writeFileSync(at('edge.yaml'), JSON.stringify(configuration));
    const result = await runJson<{ outcome?: string }>('slipway-edge', ['check-now', '--config', at('edge.yaml')]);
    const { service } = await runJson<{ service: { pid: number } }>('slipway-edge', [
      ...['status', '--config', at('edge.yaml')],
    ]);
    process.kill(service.pid);
    expect(JSON.stringify(result)).toContain('committed');
    expect(readFileSync(at('device', 'current', 'files', 'page')).equals(content)).toBe(true);
    await distributor.stop();
  });
});

async function listening(program: RunningProgram): Promise<string> {
  for (;;) {
    const url = /"listening":"([^"]+)"/.exec(program.log)?.[1];
    if (url) return url;
    if (program.exited) throw new Error(program.log);
    await new Promise((resume) => setTimeout(resume, 50));
  }
}
