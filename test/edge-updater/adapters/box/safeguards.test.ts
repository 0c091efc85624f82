/** What the kernel shows, as trees that real machines have. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSafeguards, safeguardsIn } from '../../../../edge-updater/adapters/box/safeguards.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'slipway-safeguards-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(file: string, content: string | Uint8Array): void {
  const full = path.join(root, file);
  mkdirSync(path.dirname(full), { recursive: true });
  writeFileSync(full, content);
}

function link(file: string, target: string): void {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  symlinkSync(target, path.join(root, file));
}

const number = '253:1';
const read = (device = number) => safeguardsIn(root, () => device);
const secureBoot = 'sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';

describe('Secure Boot', () => {
  it.each([
    ['on', [6, 0, 0, 0, 1]],
    ['off', [6, 0, 0, 0, 0]],
    ['unknown', [6, 0, 0, 0]],
    ['unknown', [6, 0, 0, 0, 7]],
  ])('is %s for %j', (expected, bytes) => {
    write(secureBoot, Uint8Array.from(bytes));
    expect(read().secureBoot).toBe(expected);
  });

  it('is off where a BIOS started the machine', () => {
    mkdirSync(path.join(root, 'sys/firmware/acpi'), { recursive: true });
    expect(read().secureBoot).toBe('off');
  });

  it.each(['sys/firmware/efi/efivars', 'sys/kernel'])('is unknown where %s is all that can be seen', (folder) => {
    mkdirSync(path.join(root, folder), { recursive: true });
    expect(read().secureBoot).toBe('unknown');
  });
});

describe('the TPM', () => {
  it.each([
    ['2.0', '2\n'],
    ['1.2', '1\n'],
    ['unknown', '3\n'],
  ])('is %s', (expected, text) => {
    write('sys/class/tpm/tpm0/tpm_version_major', text);
    expect(read().tpm).toBe(expected);
  });

  it('is none where the kernel has none, and unknown where nothing can be seen', () => {
    expect(read().tpm).toBe('unknown');
    mkdirSync(path.join(root, 'sys/class/tpm'), { recursive: true });
    expect(read().tpm).toBe('none');
  });
});

describe('the lockdown of the kernel', () => {
  it.each([
    ['none', '[none] integrity confidentiality\n'],
    ['integrity', 'none [integrity] confidentiality\n'],
    ['confidentiality', 'none integrity [confidentiality]\n'],
    ['unknown', 'nothing of it\n'],
  ])('is %s', (expected, text) => {
    write('sys/kernel/security/lockdown', text);
    expect(read().lockdown).toBe(expected);
  });

  it('is none in a kernel without it, and unknown where the file system is not mounted', () => {
    mkdirSync(path.join(root, 'sys/kernel/security'), { recursive: true });
    expect(read().lockdown).toBe('unknown');
    write('sys/kernel/security/lsm', 'capability,apparmor');
    expect(read().lockdown).toBe('none');
  });
});

describe('disk encryption', () => {
  /** A device below sys/devices, as sysfs has it. */
  function device(name: string, { uuid, slaves = [] }: { uuid?: string; slaves?: string[] } = {}, at = name): void {
    mkdirSync(path.join(root, `sys/devices/block/${at}/slaves`), { recursive: true });
    if (uuid !== undefined) write(`sys/devices/block/${at}/dm/uuid`, `${uuid}\n`);
    for (const slave of slaves) link(`sys/devices/block/${at}/slaves/${path.basename(slave)}`, `../../${slave}`);
    mkdirSync(path.join(root, 'sys/class/block'), { recursive: true });
  }
  function partition(at: string): void {
    write(`sys/devices/block/${at}/partition`, '1\n');
  }
  const points = (to: string, from = number) => link(`sys/dev/block/${from}`, `../../devices/block/${to}`);

  it('is on for dm-crypt itself', () => {
    device('sda');
    partition('sda/sda2');
    device('dm-0', { uuid: 'CRYPT-LUKS2-3f0c-root', slaves: ['sda/sda2'] });
    points('dm-0');
    expect(read().diskEncryption).toBe('on');
  });

  it('is on for LVM on dm-crypt on a partition', () => {
    device('nvme0n1');
    partition('nvme0n1/nvme0n1p3');
    device('dm-0', { uuid: 'CRYPT-LUKS2-3f0c-pv', slaves: ['nvme0n1/nvme0n1p3'] });
    device('dm-1', { uuid: 'LVM-AbCd', slaves: ['dm-0'] });
    points('dm-1');
    expect(read().diskEncryption).toBe('on');
  });

  it('is on for a partition of a RAID whose disks are all encrypted, and off where one is not', () => {
    for (const [index, uuid] of [
      [0, 'CRYPT-PLAIN-a'],
      [1, 'CRYPT-PLAIN-b'],
    ] as const)
      device(`dm-${index}`, { uuid });
    device('sdz');
    device('md0', { slaves: ['dm-0', 'dm-1'] });
    partition('md0/md0p1');
    points('md0/md0p1');
    expect(read().diskEncryption).toBe('on');
    link('sys/devices/block/md0/slaves/sdz', '../../sdz');
    expect(read().diskEncryption).toBe('off');
  });

  it('is off for a plain partition, and for LVM on one', () => {
    device('sda');
    partition('sda/sda1');
    device('dm-1', { uuid: 'LVM-CRYPT-AbCd', slaves: ['sda/sda1'] });
    points('sda/sda1', '8:1');
    points('dm-1');
    expect([read('8:1').diskEncryption, read().diskEncryption]).toEqual(['off', 'off']);
  });

  it('is told of the device below a file system with a number of its own, such as btrfs', () => {
    device('dm-0', { uuid: 'CRYPT-LUKS2-3f0c-root' });
    points('dm-0', '253:0');
    write('sys/class/block/dm-0/dev', '253:0\n');
    write('sys/class/block/dm-0/dm/name', 'root\n');
    write('sys/class/block/dm-1/dm/name', 'other\n');
    const mounts = ['22 1 0:20 / /proc rw - proc proc rw', '40 1 0:31 /@ / rw shared:1 - btrfs /dev/mapper/root rw'];
    write('proc/self/mountinfo', `${mounts.join('\n')}\n`);
    expect(read('0:31').diskEncryption).toBe('on');
    expect(read('0:99').diskEncryption).toBe('unknown');
  });

  it('is unknown where sysfs hides the device, and where devices lie below themselves', () => {
    expect(read().diskEncryption).toBe('unknown');
    device('dm-1', { uuid: 'LVM-a', slaves: ['dm-1'] });
    points('dm-1');
    expect(read().diskEncryption).toBe('unknown');
  });
});

it('finds words for the machine that this runs on', () => {
  const found = readSafeguards(tmpdir());
  expect(Object.keys(found).sort()).toEqual(['diskEncryption', 'lockdown', 'secureBoot', 'tpm']);
  expect(['on', 'off', 'unknown']).toContain(found.diskEncryption);
});

it('says unknown of all where the machine shows nothing', () => {
  expect(read()).toEqual({ secureBoot: 'unknown', tpm: 'unknown', diskEncryption: 'unknown', lockdown: 'unknown' });
});
