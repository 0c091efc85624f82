import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RunningProgram, runJson } from '../../infra/demo/programs.ts';
import { describeUnless } from '../services/requirement.ts';
import { freshBucket, type S3Service, s3Client, s3Service } from '../services/s3.ts';
import { configureDevice, endService, enrolmentToken, listening, pageContent, publishShop } from './small-shop.ts';

const service = s3Service();

describeUnless('unavailable' in service ? service.unavailable : undefined, 'a fleet over an S3 bucket', () => {
  const s3 = service as S3Service;
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-s3-fleet-'));
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
    await publishShop(folder, store);
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
    const own = path.join(folder, how.replaceAll(' ', '-'));
    const state = path.join(own, 'state');
    distributor = new RunningProgram('slipway-distributor', [
      ...['serve', '--store', store, '--rollouts', path.join(folder, 'rollouts'), '--state', state],
      ...['--listen', '127.0.0.1:0', '--log-level', 'error', '--json', ...flags],
    ]);
    const server = await listening(distributor);
    const tokenFile = await enrolmentToken(state);
    const configuration = configureDevice(own, {
      ...{ server, developmentAllowHttp: true },
      ...{ trustedRoot: path.join(folder, 'root.json'), enrolment: { tokenFile } },
    });
    const result = await runJson('slipway-edge', ['check-now', '--config', configuration]);
    await endService(configuration);
    expect(JSON.stringify(result)).toContain('committed');
    expect(readFileSync(path.join(own, 'device', 'current', 'files', 'page')).equals(pageContent)).toBe(true);
    await distributor.stop();
  });
});
