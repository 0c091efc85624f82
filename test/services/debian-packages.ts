/**
 * Installs the Debian packages that tests and benches need: only what is missing, by one apt-get call, only as root on
 * Debian. Refuses to guess on any other system: what needs them is skipped there, or left out of the bench.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Package and one command, or file, that shows it is there. */
type Packages = Readonly<Record<string, string>>;

/** The real services and clients of the tests. */
export const packagesOfTests: Packages = {
  radosgw: 'radosgw',
  'ceph-mon': 'ceph-mon',
  'ceph-osd': 'ceph-osd',
  xdelta3: 'xdelta3',
  aria2: 'aria2c',
  wget: 'wget',
  curl: 'curl',
  git: 'git',
  mmdebstrap: 'mmdebstrap',
  'systemd-container': 'systemd-nspawn',
  'util-linux': 'nsenter',
  openssl: 'openssl',
  softhsm2: 'softhsm2-util',
  opensc: 'pkcs11-tool',
  gcc: 'gcc',
  'etcd-server': 'etcd',
  'libc6-dev': '/usr/include/stdlib.h',
  postgresql: 'pg_ctlcluster',
  pgbouncer: '/usr/sbin/pgbouncer',
  'nginx-light': '/usr/sbin/nginx',
};

/** What the corpus of real programs is fetched and built with. */
const packagesOfCorpus: Packages = { 'golang-go': 'go', unzip: 'unzip' };

/** For the corpus, and for an emulated 64-bit ARM. */
export const packagesOfLongTests: Packages = {
  ...packagesOfTests,
  ...packagesOfCorpus,
  'qemu-user-static': 'qemu-aarch64-static',
  'libc6-arm64-cross': '/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1',
  'libstdc++6-arm64-cross': '/usr/aarch64-linux-gnu/lib/libstdc++.so.6',
};

/** For the corpus, and the peers that deltas are compared with; HDiffPatch is not in Debian. */
export const packagesOfBench: Packages = { ...packagesOfCorpus, xdelta3: 'xdelta3', zstd: 'zstd', bsdiff: 'bsdiff' };

/** The load on the server, the web server that it is compared with, and a certificate for both. */
export const packagesOfServerBench: Packages = { wrk: 'wrk', 'nginx-light': '/usr/sbin/nginx', openssl: 'openssl' };

/** Seconds to wait for another apt-get of the machine. */
const lockTimeoutSeconds = 300;

/**
 * @param wanted which packages
 * @param isInstalled whether a command is on the PATH
 * @param say takes one line for people
 * @returns undefined when nothing is missing any more, else why it still is, one line
 */
export function installDebianPackages(
  wanted: Packages,
  isInstalled: (command: string) => boolean,
  say: (line: string) => void,
): string | undefined {
  const isThere = (sign: string) => (sign.startsWith('/') ? existsSync(sign) : isInstalled(sign));
  const missing = Object.keys(wanted).filter((name) => !isThere(wanted[name] ?? name));
  if (missing.length === 0) return undefined;
  if (process.getuid?.() !== 0) return `${missing.join(', ')} missing, and only root may install`;
  if (!existsSync('/etc/debian_version')) return `${missing.join(', ')} missing, and this is not Debian`;
  say(`installing ${missing.join(' ')}`);
  // An update that fails may still leave a list good enough for the install, which then decides.
  apt(['update', '-qq']);
  const install = apt(['install', '-qq', '-y', '--no-install-recommends', ...missing]);
  if (install.ok) return undefined;
  say(install.output);
  return `apt-get could not install ${missing.join(', ')}`;
}

/** RUNLEVEL=1 keeps packages from starting their services. */
function apt(args: readonly string[]): { readonly ok: boolean; readonly output: string } {
  const result = spawnSync('apt-get', ['-o', `DPkg::Lock::Timeout=${lockTimeoutSeconds}`, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
      DEBIAN_FRONTEND: 'noninteractive',
      RUNLEVEL: '1',
    },
  });
  const output = `${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`.trim();
  return { ok: result.status === 0, output: output.split('\n').slice(-20).join('\n') };
}
