/**
 * The root file system of a minimal Debian with systemd, built once by mmdebstrap and kept in the user's cache. Never changed
 * afterwards: machines run on overlays of it, see systemd-machine.ts.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { builtFolder } from './built-folder.ts';

const run = promisify(execFile);

const suite = 'bookworm';
const recipe = [
  '--mode=root',
  '--variant=minbase',
  '--include=systemd,systemd-sysv,dbus',
  ...['doc', 'man', 'locale', 'info'].map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`),
  // Empty, each machine gets an id of its own when it boots; without the file it would ask people questions.
  '--customize-hook=: > "$1"/etc/machine-id',
  // Some twenty programs that each reload of the manager would start; the machines have nothing for them to find.
  '--customize-hook=rm "$1"/usr/lib/systemd/system-generators/*',
  '--customize-hook=echo 127.0.0.1 localhost > "$1"/etc/hosts',
];

/** Download included: about 40 s on two cores. */
const buildTimeoutMs = 300_000;

/** @returns the folder of the root; builds it when there is none. @throws Error with the last lines of mmdebstrap */
export function systemdRoot(): Promise<string> {
  return builtFolder({
    name: 'systemd-root',
    recipe: [suite, ...recipe],
    async build(folder) {
      const command = ['--pdeathsig', 'TERM', 'mmdebstrap', ...recipe, suite, folder];
      await run('setpriv', command, { timeout: buildTimeoutMs, maxBuffer: 64 * 1024 * 1024 });
    },
  });
}
