/**
 * Tells whether something runs from a payload of K3s: a process, or a container whose shim containerd remembers by its path
 * and starts again from there ("failed to load shim", rke2#9977).
 */
import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { pids } from '../service/process-table.ts';

/** `unknown`: nothing is seen to, and not every process may be looked at. */
export type PayloadUse = 'used' | 'unused' | 'unknown';

/** @param runDir of K3s, with the state of its containerd */
export function useOfPayload(dataDir: string, runDir: string, payload: string): PayloadUse {
  const folder = `${path.join(real(path.join(dataDir, 'data')), payload)}/`;
  const named = `${path.join(dataDir, 'data', payload)}/`;
  const isInside = (file: string) => file.startsWith(folder) || file.startsWith(named);
  const running = executables();
  if (shims(runDir).some(isInside) || running.some((file) => file !== undefined && isInside(file))) return 'used';
  return running.includes(undefined) ? 'unknown' : 'unused';
}

function shims(runDir: string): string[] {
  const tasks = path.join(runDir, 'containerd/io.containerd.runtime.v2.task/k8s.io');
  return names(tasks).flatMap((task) => {
    try {
      return [readFileSync(path.join(tasks, task, 'shim-binary-path'), 'utf8')];
    } catch {
      return [];
    }
  });
}

/** Undefined for a process that may not be looked at. */
function executables(): (string | undefined)[] {
  return pids().flatMap((pid) => {
    try {
      return [readlinkSync(`/proc/${pid}/exe`)];
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      // A thread of the kernel has none, and a process may have ended since.
      return code === 'EACCES' || code === 'EPERM' ? [undefined] : [];
    }
  });
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function real(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}
