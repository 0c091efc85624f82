/**
 * The kube-apiserver of Kubernetes 1.20, built once from Debian 12's own source: Debian has no binary of it. The tarballs come
 * from the mirror that apt of this machine uses, are checked by digest, and Debian's Go builds them without a network.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { builtFolder } from './built-folder.ts';
import { missingCommands } from './commands.ts';
import type { Unavailable } from './s3.ts';

const run = promisify(execFile);

interface SourceTarball {
  /** Below the root of a mirror. */
  readonly place: string;
  readonly sha256: string;
}

/** As released by its authors; what Debian changes of it concerns kubectl alone. */
const kubernetes: SourceTarball = {
  place: 'pool/main/k/kubernetes/kubernetes_1.20.5%2breally1.20.2.orig.tar.gz',
  sha256: 'b83c0780efb182d928dc63d46488a847f161f04e40a94b96bf5247dd671ecdfc',
};
/** In the place of its own 1.0.1, which panics over the maps of a Pod where Go is 1.18 or newer. */
const reflect2: SourceTarball = {
  place: 'pool/main/g/golang-github-modern-go-reflect2/golang-github-modern-go-reflect2_1.0.2.orig.tar.gz',
  sha256: '86049e7ba480c7da86b3d459f13a7c6c383a769134bf4eac0023a0aa024244de',
};

/** What the build scripts of its authors set. */
const version = { gitVersion: 'v1.20.2', gitMajor: '1', gitMinor: '20', gitTreeState: 'archive' };
const versionPackages = ['component-base/version', 'client-go/pkg/version'];
/** Without the clients of clouds: 250 packages of 1600, and the largest. */
const options = ['-tags', 'providerless'];
/** What describes the types that the server has. */
const openApi = 'vendor/k8s.io/kube-openapi/cmd/openapi-gen';
const described = ['api', 'apimachinery', 'apiextensions-apiserver', 'kube-aggregator'];

const aptHelper = '/usr/lib/apt/apt-helper';

/** @returns the program, after the half hour that its first build may take; else why this machine cannot have it */
export async function kubeApiServerProgram(): Promise<string | Unavailable> {
  const missing = missingCommands('apt-get', 'go', 'tar', 'setpriv') ?? (existsSync(aptHelper) ? undefined : aptHelper);
  if (missing !== undefined) return { unavailable: missing };
  const recipe = [kubernetes.sha256, reflect2.sha256, JSON.stringify(version), ...described, ...options];
  try {
    return path.join(await builtFolder({ name: 'kube-apiserver', recipe, build }), 'kube-apiserver');
  } catch (error) {
    return { unavailable: error instanceof Error ? error.message : String(error) };
  }
}

async function build(folder: string): Promise<void> {
  const workspace = path.join(folder, 'go');
  const source = path.join(workspace, 'src/k8s.io/kubernetes');
  await unpacked(kubernetes, source);
  const replaced = path.join(source, 'vendor/github.com/modern-go/reflect2');
  await rm(replaced, { recursive: true });
  await unpacked(reflect2, replaced);
  await describeTypes(source, workspace);
  const set = versionPackages.flatMap((name) =>
    Object.entries(version).map(([key, value]) => `-X k8s.io/kubernetes/vendor/k8s.io/${name}.${key}=${value}`),
  );
  const program = path.join(folder, 'kube-apiserver');
  await goBuild(source, workspace, program, [...options, '-ldflags', `-s -w ${set.join(' ')}`, './cmd/kube-apiserver']);
  // Some 2 GB that nobody asks for again.
  await rm(workspace, { recursive: true });
}

async function unpacked({ place, sha256 }: SourceTarball, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const tarball = `${folder}.tar.gz`;
  await download(place, sha256, tarball);
  await run('tar', ['xzf', tarball, '-C', folder, '--strip-components=1']);
  await rm(tarball);
}

/** By apt's own means, its proxies included; no other file than the one of that digest passes. */
async function download(place: string, sha256: string, file: string): Promise<void> {
  const asked = ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages', 'Origin: Debian'];
  const mirrors = [...new Set((await run('apt-get', asked)).stdout.split('\n'))].filter((mirror) => mirror !== '');
  let failure: unknown = new Error('apt of this machine knows no mirror of Debian');
  for (const mirror of mirrors) {
    try {
      await run(aptHelper, ['download-file', `${mirror}${place}`, file, `SHA256:${sha256}`]);
      return;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** Its authors make this file at each build (Makefile.generated_files), so that no tarball has it. */
async function describeTypes(source: string, workspace: string): Promise<void> {
  const generator = path.join(workspace, 'openapi-gen');
  await goBuild(source, workspace, generator, [`./${openApi}`]);
  const folders = described.map((name) => path.join('staging/src/k8s.io', name));
  const { stdout } = await run('grep', ['-rl', '--include=*.go', '+k8s:openapi-gen=', ...folders], { cwd: source });
  const packages = new Set(stdout.trim().split('\n').map(path.dirname));
  const inputs = [...packages].sort().map((each) => each.replace('staging/src', 'k8s.io/kubernetes/vendor'));
  const output = ['-p', 'k8s.io/kubernetes/pkg/generated/openapi', '-O', 'zz_generated.openapi', '-r', '/dev/null'];
  const header = ['-h', 'vendor/k8s.io/code-generator/hack/boilerplate.go.txt'];
  await runBeside(source, workspace, [generator, '-i', inputs.join(','), ...output, ...header]);
}

async function goBuild(source: string, workspace: string, program: string, args: readonly string[]): Promise<void> {
  await runBeside(source, workspace, ['go', 'build', '-trimpath', '-o', program, ...args]);
}

/** Other tests go on meanwhile, and it ends with them. As its authors built it: out of a workspace, without modules. */
async function runBeside(source: string, workspace: string, command: readonly string[]): Promise<void> {
  const own = { GOPATH: workspace, GOCACHE: path.join(workspace, 'cache'), GO111MODULE: 'off', GOPROXY: 'off' };
  await run('setpriv', ['--pdeathsig', 'TERM', 'nice', '-n', '10', ...command], {
    ...{ cwd: source, env: { ...process.env, ...own, GOFLAGS: '', CGO_ENABLED: '0' } },
    maxBuffer: 64 * 1024 * 1024,
  });
}
