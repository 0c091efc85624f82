import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { blobKey } from '../../contract/store-keys.ts';
import { FaultyLink } from '../fakes/faulty-link.ts';
import { type Served, serve } from '../fakes/served.ts';
import { missingCommands } from '../services/commands.ts';
import { describeUnless } from '../services/requirement.ts';

const content = randomBytes(8 * 1024 * 1024);
const digest = createHash('sha256').update(content).digest('hex');
const half = content.length / 2;

let folder: string;
let served: Served;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'real-clients-'));
  const file = path.join(folder, 'store', blobKey(digest));
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, content);
  served = await serve(folder);
});
afterAll(async () => {
  served.process.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

async function client(command: string, ...given: string[]): Promise<number> {
  const [status] = await once(spawn(command, given, { cwd: folder, stdio: 'ignore' }), 'exit');
  return status as number;
}

async function hasDigest(name: string): Promise<boolean> {
  const bytes = await readFile(path.join(folder, name));
  return createHash('sha256').update(bytes).digest('hex') === digest;
}

const blobAt = (url: string) => `${url}/v1/blobs/sha256/${digest}`;
/** A new link that cuts the connection in the middle of the blob. */
async function cutInTheMiddle(): Promise<FaultyLink> {
  const link = await FaultyLink.open(served.port);
  link.arm({ kind: 'cut', afterBytes: half });
  return link;
}

describeUnless(missingCommands('curl'), 'curl', () => {
  it('fetches ranges that make the whole', async () => {
    const url = blobAt(served.url);
    expect(await client('curl', '-sf', '-r', `0-${half - 1}`, '-o', 'range-1', url)).toBe(0);
    expect(await client('curl', '-sf', '-r', `${half}-`, '-o', 'range-2', url)).toBe(0);
    const parts = [await readFile(path.join(folder, 'range-1')), await readFile(path.join(folder, 'range-2'))];
    expect(Buffer.concat(parts).equals(content)).toBe(true);
  });

  it('goes on with -C - where the connection was cut', async () => {
    await using link = await cutInTheMiddle();
    expect(await client('curl', '-sf', '-C', '-', '-o', 'curl', blobAt(link.url))).toBe(18);
    const before = link.bytesToClients;
    expect(await client('curl', '-sf', '-C', '-', '-o', 'curl', blobAt(link.url))).toBe(0);
    expect(await hasDigest('curl')).toBe(true);
    expect(link.bytesToClients - before).toBeLessThan(content.length - half + 10_000);
  });

  it('goes on after the server was killed and started again', async () => {
    await using link = await FaultyLink.open(served.port);
    link.arm({ kind: 'stall', afterBytes: half });
    const first = client('curl', '-sf', '-o', 'killed', blobAt(link.url));
    await expect.poll(() => link.fired).toBe(1);
    await served.end('SIGKILL');
    link.drop();
    expect(await first).not.toBe(0);
    link.raise();
    served = await serve(folder, served.port);
    const before = link.bytesToClients;
    expect(await client('curl', '-sf', '-C', '-', '-o', 'killed', blobAt(link.url))).toBe(0);
    expect(await hasDigest('killed')).toBe(true);
    expect(link.bytesToClients - before).toBeLessThan(content.length);
  });
});

describeUnless(missingCommands('wget'), 'wget', () => {
  it('goes on with -c where the connection was cut', async () => {
    await using link = await cutInTheMiddle();
    expect(await client('wget', '-q', '--tries=1', '-O', 'wget', blobAt(link.url))).not.toBe(0);
    const before = link.bytesToClients;
    expect(await client('wget', '-q', '-c', '--tries=1', '-O', 'wget', blobAt(link.url))).toBe(0);
    expect(await hasDigest('wget')).toBe(true);
    expect(link.bytesToClients - before).toBeLessThan(content.length - half + 10_000);
  });
});

describeUnless(missingCommands('aria2c'), 'aria2c', () => {
  it('fetches with four connections through a cut, a reset and a damaged connection attempt', async () => {
    await using link = await FaultyLink.open(served.port);
    link.arm({ kind: 'cut', afterBytes: 1_000_000 });
    link.arm({ kind: 'reset', afterBytes: 3_000_000 });
    const options = ['-x4', '-s4', '-k1M', '--retry-wait=1', '--max-tries=10', '--allow-overwrite=true'];
    const check = `--checksum=sha-256=${digest}`;
    expect(await client('aria2c', '-q', ...options, check, '-o', 'aria2c', blobAt(link.url))).toBe(0);
    expect(link.fired).toBe(2);
    expect(link.connections).toBeGreaterThan(4);
    expect(await hasDigest('aria2c')).toBe(true);
  });
});
