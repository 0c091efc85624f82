/** This machine, for finding the box: systemd, processes and files as they are. Changes nothing. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { SlipwayError } from '../../../contract/errors.ts';
import type { BoxMachine } from '../../box/box-machine.ts';
import { parseUnits, unitProperties } from '../../box/unit.ts';
import { etcdFileIn, membersOfFile } from '../disk/etcd-file.ts';
import { ifReadable } from '../disk/if-readable.ts';
import { askK0s } from './k0s-socket.ts';

/** What a command may take on a busy machine. */
const answerMs = 30_000;

export const linuxMachine: BoxMachine = {
  /** A unit that nobody knows is described, too; a machine without systemd answers nothing. */
  async units(names) {
    const asked = ['show', `--property=${unitProperties.join()}`, '--', ...names];
    const { stdout, failure } = await ran('systemctl', asked);
    if (failure === undefined) return parseUnits(stdout);
    if (/ENOENT|not been booted with systemd|Failed to connect to bus/.test(failure)) return [];
    throw new SlipwayError('io-error', `systemctl show: ${failure}`, { hint: 'Look at systemd of this machine.' });
  },

  resolved(file) {
    return ifThere(() => realpathSync(file)) ?? file;
  },

  executableOf(pid) {
    return ifReadable(() => readlinkSync(`/proc/${pid}/exe`));
  },

  /** By the process itself: the file may have been replaced since it started. */
  async versionTextOf(pid) {
    const { stdout, failure } = await ran(`/proc/${pid}/exe`, ['--version']);
    return failure === undefined ? stdout : undefined;
  },

  text(file) {
    return ifThere(() => readFileSync(file, 'utf8'));
  },

  names(folder) {
    return ifThere(() => readdirSync(folder)) ?? [];
  },

  etcdMembers(folder) {
    return ifReadable(() => membersOfFile(etcdFileIn(folder)));
  },

  k0sStatus: askK0s,

  certifiedNode(file) {
    return ifReadable(() => {
      const { subject } = new X509Certificate(readFileSync(file));
      return /^CN=system:node:(.+)$/m.exec(subject)?.[1];
    });
  },
};

/** A command to its end, or why it did not come to a good one. */
function ran(
  program: string,
  args: readonly string[],
): Promise<{ readonly stdout: string; readonly failure?: string }> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: answerMs }, (error, stdout, stderr) => {
      resolve(error ? { stdout, failure: stderr.trim() || error.message } : { stdout });
    });
  });
}

/** Undefined where there is none; a file that may not be read is no file that is not there. */
function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    const isDenied = code === 'EACCES' || code === 'EPERM';
    throw new SlipwayError(isDenied ? 'permission-denied' : 'io-error', message, {
      ...{ cause, hint: 'Let the updater read what belongs to K3s or K0s, or look at the disk.' },
    });
  }
}
