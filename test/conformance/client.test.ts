import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeManifest, targetPath } from '../../contract/release/manifest.ts';
import { SignedRepository, smallRelease } from '../fakes/signed-repository.ts';

const release = smallRelease('1.0.0', 1);
let repository: SignedRepository;
let server: Server;
let folder: string;

beforeEach(async () => {
  repository = new SignedRepository(new Date());
  repository.publish(new Date(), release);
  const { bytes, sha256 } = encodeManifest(release);
  repository.files.set(targetPath(release).replace('release.json', `${sha256}.release.json`), bytes);
  server = createServer((request, response) => {
    const bytes = repository.files.get(decodeURIComponent((request.url ?? '').slice(1)));
    response.writeHead(bytes ? 200 : 404).end(bytes);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  folder = mkdtempSync(path.join(tmpdir(), 'slipway-conformance-'));
  writeFileSync(path.join(folder, 'pinned.json'), repository.root.bytes);
});

afterEach(() => {
  server.close();
});

async function client(...args: string[]): Promise<number | null> {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const all = ['--metadata-dir', path.join(folder, 'md'), '--metadata-url', url, '--target-base-url', url, ...args];
  const child = spawn(path.join(import.meta.dirname, 'client'), all, { stdio: 'ignore' });
  const [code] = await once(child, 'close');
  return code;
}

describe('the client for the TUF conformance suite', () => {
  it('starts from a root, refreshes and downloads a target', async () => {
    expect(await client('init', path.join(folder, 'pinned.json'))).toBe(0);
    expect(await client('refresh')).toBe(0);
    const name = targetPath(release);
    expect(await client('--target-name', name, '--target-dir', folder, 'download')).toBe(0);
    const downloaded = readFileSync(path.join(folder, encodeURIComponent(name)));
    expect(downloaded.equals(encodeManifest(release).bytes)).toBe(true);
    expect(
      readFileSync(path.join(folder, 'md', 'timestamp.json')).equals(
        repository.files.get('timestamp.json') as Uint8Array,
      ),
    ).toBe(true);
  });

  it('ends with 1 when a target is not what was signed', async () => {
    expect(await client('init', path.join(folder, 'pinned.json'))).toBe(0);
    for (const name of repository.files.keys()) {
      if (name.endsWith('release.json')) repository.files.set(name, Buffer.from('{}'));
    }
    expect(await client('--target-name', targetPath(release), '--target-dir', folder, 'download')).toBe(1);
  });

  it('ends with 1 on an older timestamp', async () => {
    const old = repository.capture();
    repository.publish(new Date());
    expect(await client('init', path.join(folder, 'pinned.json'))).toBe(0);
    expect(await client('refresh')).toBe(0);
    repository.restore(old);
    expect(await client('refresh')).toBe(1);
  });
});
