/**
 * Fetches the demo's real input: two consecutive releases of a single-binary Go server, as npm packages, cached outside
 * the tree and accepted only with the digests pinned here.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';

/** SHA-256 of `package/bin/esbuild` by CPU and version. */
const pinned: Record<string, Record<string, string>> = {
  x64: {
    '0.28.1': '0c6588b092a2c291a72bab90659f3c9e0e25e0fe59c9ac12b4dae4d945e5548c',
    '0.28.2': 'e1698a3d5c6c0798fee4fd3b5cc816651f460c63d390a7a26ea4beb0b1884100',
  },
  arm64: {
    '0.28.1': '51e829ba36f36be6d9aea6e329ddc4f9350302339b16aaca96a3cb97f64a8ebb',
    '0.28.2': '90bd269553d258e80b19e3ccab4f98f0831f87442a2f056510ce24fd1b425fc2',
  },
};

const demoVersions = ['0.28.1', '0.28.2'] as const;

/** Path of the cached binary of that version, fetched first where it is missing or differs. */
export async function demoServer(version: (typeof demoVersions)[number]): Promise<string> {
  const expected = pinned[process.arch]?.[version];
  if (!expected) throw new Error(`the demo has no server for the CPU ${process.arch}: give --old and --new`);
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'slipway', 'demo');
  const binary = join(cache, `server-${process.arch}-${version}`);
  if ((await digestIfThere(binary)) === expected) return binary;
  await mkdir(cache, { recursive: true });
  const scratch = await mkdtemp(join(cache, 'fetch-'));
  try {
    await npmPack(`@esbuild/linux-${process.arch}@${version}`, scratch);
    const [archive] = (await readdir(scratch)).filter((name) => name.endsWith('.tgz'));
    if (!archive) throw new Error(`npm pack left no archive of ${version}`);
    const unpacked = join(scratch, 'server');
    await writeFile(unpacked, await memberOf(join(scratch, archive), 'package/bin/esbuild'));
    const found = await digestIfThere(unpacked);
    if (found !== expected) throw new Error(`${version}: expected SHA-256 ${expected}, found ${found}`);
    await chmod(unpacked, 0o755);
    await rename(unpacked, binary);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return binary;
}

export async function digestIfThere(file: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file), hash);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return hash.digest('hex');
}

async function npmPack(spec: string, folder: string): Promise<void> {
  const child = spawn('npm', ['pack', '--silent', '--pack-destination', folder, spec], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`npm pack ${spec} failed: ${complaint.trim()}`);
}

async function memberOf(archive: string, name: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const members = extract();
  members.on('entry', (header, stream, next) => {
    if (header.name === name) stream.on('data', (chunk) => chunks.push(chunk as Buffer));
    stream.on('end', next);
    stream.resume();
  });
  await pipeline(createReadStream(archive), createGunzip(), members);
  if (chunks.length === 0) throw new Error(`the archive has no ${name}`);
  return Buffer.concat(chunks);
}
