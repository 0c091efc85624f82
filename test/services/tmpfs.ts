/** A script on a tmpfs of its own, in a mount namespace of its own: file systems that are full, read-only or noexec. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const canMount = spawnSync('unshare', ['-rm', 'true']).status === 0;

/** Why there can be no mounts here; undefined where there can. */
export const missingMounts = canMount ? undefined : 'mount namespaces (unshare -rm) are refused here';

/**
 * Runs a module where devices of tests keep their files on a fresh tmpfs, whose path is in DEVICES.
 * @param options of mount(8)
 * @param script TypeScript; prints one JSON document
 * @returns what it printed, or its complaint as `stderr`
 */
export function runOnTmpfs(options: string, script: string): unknown {
  const folder = mkdtempSync(path.join(tmpdir(), 'on-tmpfs-'));
  const fallback = mkdtempSync(path.join(tmpdir(), 'tmpfs-devices-'));
  const file = path.join(folder, 'script.ts');
  writeFileSync(file, script);
  // Where there is memory for files, devices of tests live there; else beside other temporary files.
  const devices = '$( [ -d /dev/shm ] && echo /dev/shm || echo "$FALLBACK" )';
  const command = `export DEVICES="${devices}" && mount -t tmpfs -o ${options} tmpfs "$DEVICES" && exec "$NODE" "${file}"`;
  const env = { ...process.env, FALLBACK: fallback, TMPDIR: fallback, NODE: process.execPath };
  const { stdout, stderr } = spawnSync('unshare', ['-rm', 'sh', '-c', command], { encoding: 'utf8', env });
  for (const made of [folder, fallback]) rmSync(made, { recursive: true, force: true });
  return JSON.parse(stdout || JSON.stringify({ stderr }));
}
