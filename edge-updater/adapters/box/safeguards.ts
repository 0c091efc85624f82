/**
 * Reads the safeguards of this box from what the kernel shows in sysfs: Secure Boot and TPM of its firmware, whether the
 * disk of the state directory is encrypted, and the lockdown of the kernel. It reads and concludes nothing else.
 */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Safeguards, safeguardsSchema } from '../../../contract/device-api/safeguards.ts';
import { ifReadable } from '../disk/if-readable.ts';

/** Of the UEFI specification, 3.3: EFI_GLOBAL_VARIABLE. The file has four bytes of attributes before the value. */
const secureBootFile = 'SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';
const valueOffset = 4;
const unknown = 'unknown';
/** Devices below one another: a file system on LVM on dm-crypt on RAID has four. */
const maxLayers = 16;

export function readSafeguards(stateDirectory: string): Safeguards {
  return safeguardsIn('/', () => numberOf(stateDirectory));
}

/**
 * @param root `/`, or a folder that looks like it
 * @param number `MAJ:MIN` of the device that the state directory is on
 */
export function safeguardsIn(root: string, number: () => string): Safeguards {
  // A sandbox may hide what there is.
  const found = {
    secureBoot: ifReadable(() => secureBoot(root)) ?? unknown,
    tpm: ifReadable(() => tpm(root)) ?? unknown,
    diskEncryption: ifReadable(() => diskEncryption(number(), root)) ?? unknown,
    lockdown: ifReadable(() => lockdown(root)) ?? unknown,
  };
  // A word that is longer than the contract allows must not cost the device its check.
  const parsed = safeguardsSchema.safeParse(found);
  return parsed.success
    ? parsed.data
    : { secureBoot: unknown, tpm: unknown, diskEncryption: unknown, lockdown: unknown };
}

function secureBoot(root: string): string {
  const efi = path.join(root, 'sys/firmware/efi');
  // Started by a BIOS, or on a board without UEFI.
  if (existsSync(path.join(root, 'sys/firmware')) && !existsSync(efi)) return 'off';
  const value = readFileSync(path.join(efi, 'efivars', secureBootFile))[valueOffset];
  return value === 1 ? 'on' : value === 0 ? 'off' : unknown;
}

function tpm(root: string): string {
  const folder = path.join(root, 'sys/class/tpm/tpm0');
  if (existsSync(folder)) {
    const major = readFileSync(path.join(folder, 'tpm_version_major'), 'utf8').trim();
    return major === '2' ? '2.0' : major === '1' ? '1.2' : unknown;
  }
  return existsSync(path.join(root, 'sys/class')) ? 'none' : unknown;
}

function lockdown(root: string): string {
  const security = path.join(root, 'sys/kernel/security');
  const file = path.join(security, 'lockdown');
  if (existsSync(file)) return /\[([a-z]+)\]/.exec(readFileSync(file, 'utf8'))?.[1] ?? unknown;
  // A kernel that has security modules and not this one; an empty folder is one where nothing is mounted.
  return readdirSync(security).length > 0 ? 'none' : unknown;
}

function numberOf(folder: string): string {
  const { dev } = statSync(folder, { bigint: true });
  // As makedev(3) of glibc and musl packs them.
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  return `${major}:${minor}`;
}

/** btrfs and others have a number of their own: the table of mounts names the device below. */
function numberOfSource(number: string, root: string): string {
  const mounts = readFileSync(path.join(root, 'proc/self/mountinfo'), 'utf8').split('\n');
  for (const line of mounts) {
    // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue (proc(5))
    const [before = '', after = ''] = line.split(' - ');
    const source = after.split(' ')[1] ?? '';
    if (before.split(' ')[2] !== number || !source.startsWith('/dev/')) continue;
    return readFileSync(path.join(root, 'sys/class/block', nodeName(source, root), 'dev'), 'utf8').trim();
  }
  throw new Error(`no mount of ${number} names a device`);
}

/** A name below /dev/mapper is the device mapper's own; a sandbox shows no link to its node. */
function nodeName(source: string, root: string): string {
  const name = path.basename(source);
  if (!source.startsWith('/dev/mapper/')) return name;
  const folder = path.join(root, 'sys/class/block');
  const isNamed = (node: string) => readFileSync(path.join(folder, node, 'dm/name'), 'utf8').trim() === name;
  return readdirSync(folder).find((node) => node.startsWith('dm-') && isNamed(node)) ?? name;
}

/** Encrypted where every way down to a disk passes dm-crypt: of a mirror both halves have to. */
function diskEncryption(number: string, root: string): string {
  const ofDevice = number.startsWith('0:') ? numberOfSource(number, root) : number;
  const top = realpathSync(path.join(root, 'sys/dev/block', ofDevice));
  return isEncrypted(top, maxLayers) ? 'on' : 'off';
}

function isEncrypted(device: string, layers: number): boolean {
  if (layers === 0) throw new Error('too many layers of devices');
  const uuid = path.join(device, 'dm/uuid');
  if (existsSync(uuid) && readFileSync(uuid, 'utf8').startsWith('CRYPT-')) return true;
  // What a partition is on is told by its disk.
  const whole = existsSync(path.join(device, 'partition')) ? path.dirname(device) : device;
  const slaves = path.join(whole, 'slaves');
  const below = existsSync(slaves) ? readdirSync(slaves).map((name) => realpathSync(path.join(slaves, name))) : [];
  return below.length > 0 && below.every((each) => isEncrypted(each, layers - 1));
}
