/**
 * A box as a process of its own, as systemd has it: it writes as a release does, flushes what K3s flushes and is ended by
 * SIGKILL, or unpacks and ends. Argument: what to do, as JSON.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { syncDirectory } from '../../system/files/durable-file-sync.ts';
import { type BoxRun, openBoxDatabase, unpackAsK3s, writeAsRelease } from './box-run.ts';

export type BoxWork = { readonly run: BoxRun } | { readonly payload: string; readonly unpackTo: string };

const work = JSON.parse(process.argv[2] ?? '') as BoxWork;
if ('run' in work) {
  writeAsRelease(openBoxDatabase(work.run.dataDir, 'full'), work.run, putLasting);
  process.kill(process.pid, 'SIGKILL');
} else {
  unpackAsK3s(work.payload, work.unpackTo);
}

/** In place, as an editor does, and flushed. What stays the same is not written. */
function putLasting(file: string, text: string): void {
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return;
  writeFileSync(file, text, { flush: true });
  syncDirectory(path.dirname(file));
}
