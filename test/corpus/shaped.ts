/**
 * Artifacts in the shape of K3s, K0s and airgap tarballs where no real ones can be had, and so named: real Go programs
 * in the containers that the two projects build, by the same encoders. Needs Go. Two releases: `old` and `new`, a patch
 * bump in which the main program, containerd and its shim change.
 */
import { appendFileSync, copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, zstdCompressSync } from 'node:zlib';
import { cached, fileDigest } from './cache.ts';
import { buildStub, shape } from './go-tool.ts';
import { type Program, program } from './programs.ts';
import { type TarEntry, writeTar } from './tar-files.ts';

export type Release = 'old' | 'new';
export const shapes = ['k3s', 'k0s-zip', 'k0s-gzip', 'airgap'] as const;
export type Shape = (typeof shapes)[number];

const payloads: Record<Release, Readonly<Record<string, Program>>> = {
  old: payload('helm-3.17.2', 'containerd-u2', 'containerd-shim-runc-v2-u2'),
  new: payload('helm-3.17.3', 'containerd-u3', 'containerd-shim-runc-v2-u3'),
};
const times: Record<Release, Date> = { old: new Date('2026-09-01T08:00:00Z'), new: new Date('2026-10-01T09:30:00Z') };

function payload(main: Program, containerd: Program, shim: Program): Readonly<Record<string, Program>> {
  return {
    bridge: 'cni-bridge',
    containerd,
    'containerd-shim-runc-v2': shim,
    'host-local': 'cni-host-local',
    k3s: main,
    kubectl: 'kubectl-1.33.9',
    portmap: 'cni-portmap',
    runc: 'runc',
  };
}

/** Path of a shaped artifact in the cache, made when it is not there; minutes for the first. */
export function shaped(what: Shape, release: Release): Promise<string> {
  return cached(`shaped/${what}-${release}`, async (path) => {
    const folder = mkdtempSync(join(tmpdir(), 'slipway-shape-'));
    try {
      await makers[what](path, folder, release);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

async function programFiles(release: Release): Promise<[name: string, path: string][]> {
  const files: [string, string][] = [];
  for (const [name, source] of Object.entries(payloads[release])) files.push([name, await program(source)]);
  return files;
}

type Maker = (path: string, folder: string, release: Release) => Promise<void>;

const makers: Record<Shape, Maker> = {
  /** k3s `scripts/package-cli`: tar, zstd -16 --long=25, named by its digest, embedded. */
  async k3s(path, folder, release) {
    const files = await programFiles(release);
    const sums = files.map(([name, file]) => `${fileDigest(file)}  bin/${name}\n`).join('');
    const links = ['crictl', 'ctr', 'k3s-agent', 'k3s-server'].map((name) => `k3s bin/${name}\n`).join('');
    const tar = join(folder, 'data.tar');
    const entries: TarEntry[] = [
      { name: './bin', folder: true },
      { name: './bin/.links', mode: 0o644, text: links },
      { name: './bin/.sha256sums', mode: 0o644, text: sums },
      ...['crictl', 'ctr', 'k3s-agent', 'k3s-server'].map((name) => ({ name: `./bin/${name}`, link: 'k3s' })),
      ...files.map(([name, file]) => ({ name: `./bin/${name}`, file })),
      { name: './etc', folder: true },
      { name: './etc/strongswan.conf', mode: 0o644, text: 'charon {\n  install_routes = no\n}\n' },
    ];
    await writeTar(tar, entries, times[release]);
    const frame = join(folder, 'data.tar.zst');
    writeFileSync(frame, compressLong(tar));
    buildStub(path, { [`${fileDigest(frame)}.tar.zst`]: frame });
  },

  /** k0s `hack/zip-files` since March 2026: a ZIP behind the program. */
  async 'k0s-zip'(path, folder, release) {
    const zip = join(folder, 'assets.zip');
    const files = await programFiles(release);
    await shape('zip', zip, ...files.map(([name, file]) => `bin/${name}=${file}`));
    copyFileSync(await program('runc'), path);
    appendFileSync(path, readFileSync(zip));
  },

  /** k0s before: one gzip stream a file behind the program. */
  async 'k0s-gzip'(path, folder, release) {
    copyFileSync(await program('runc'), path);
    for (const [name, file] of await programFiles(release)) {
      const stream = join(folder, `${name}.gz`);
      await shape('gzip', '9', file, stream);
      appendFileSync(path, readFileSync(stream));
    }
  },

  /** k3s-airgap-images: an image layout with layers as Go tools publish them, zstd around it. */
  async airgap(path, folder, release) {
    const files = new Map(await programFiles(release));
    const entries: TarEntry[] = [];
    const manifests: { Config: string; RepoTags: string[]; Layers: string[] }[] = [];
    for (const image of ['k3s', 'containerd', 'kubectl']) {
      const layer = join(folder, `${image}.tar`);
      const file = files.get(image) ?? '';
      const diffId = await writeTar(layer, [{ name: `usr/bin/${image}`, file }], times[release]);
      await shape('gzip', '-1', layer, `${layer}.gz`);
      const config = Buffer.from(JSON.stringify({ os: 'linux', rootfs: { type: 'layers', diff_ids: [diffId] } }));
      const configName = `blobs/sha256/${digestOf(config, folder)}`;
      const layerName = `blobs/sha256/${fileDigest(`${layer}.gz`)}`;
      entries.push({ name: configName, mode: 0o444, bytes: config });
      entries.push({ name: layerName, mode: 0o444, file: `${layer}.gz` });
      manifests.push({ Config: configName, RepoTags: [`example.org/${image}:${release}`], Layers: [layerName] });
    }
    const index = JSON.stringify(manifests);
    entries.push({ name: 'manifest.json', mode: 0o444, text: index });
    entries.push({ name: 'oci-layout', mode: 0o444, text: '{"imageLayoutVersion":"1.0.0"}' });
    const tar = join(folder, 'images.tar');
    await writeTar(tar, entries, times[release]);
    writeFileSync(path, compressLong(tar));
  },
};

function digestOf(bytes: Uint8Array, folder: string): string {
  const path = join(folder, 'digest');
  writeFileSync(path, bytes);
  return fileDigest(path);
}

/** `zstd -T0 -16 --long=25`, in one shot by Node's public call. */
function compressLong(path: string): Uint8Array {
  return zstdCompressSync(readFileSync(path), {
    pledgedSrcSize: statSync(path).size,
    params: {
      [constants.ZSTD_c_compressionLevel]: 16,
      [constants.ZSTD_c_windowLog]: 25,
      [constants.ZSTD_c_enableLongDistanceMatching]: 1,
      [constants.ZSTD_c_checksumFlag]: 1,
      [constants.ZSTD_c_nbWorkers]: 2,
    },
  });
}
