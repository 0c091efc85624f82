/**
 * Refreshes trust and looks one release up, as a device does, in a process of its own: first as a new device, then after
 * one more publish. Usage: look-up STORE ROOT PATH AFTER NEWEST TIME; AFTER is a store with
 * the release NEWEST besides.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type MetadataSet, refreshTrust } from '../../../contract/trust/trusted-set.ts';

export interface LookUp {
  /** Bodies of documents. */
  readonly wireBytes: number;
  readonly cpuMs: number;
}

const [store = '', root = '', target = '', after = '', newest = '', time = ''] = process.argv.slice(2);

async function lookUp(
  folder: string,
  wanted: string,
  known: MetadataSet,
): Promise<LookUp & { readonly documents: MetadataSet }> {
  const before = process.cpuUsage();
  let wireBytes = 0;
  const fetch = async (name: string) => {
    const bytes = await readFile(path.join(folder, 'metadata', name)).catch(() => undefined);
    wireBytes += bytes?.length ?? 0;
    return bytes;
  };
  const trusted = await refreshTrust({ known, fetch, now: new Date(time) });
  if (!(await trusted.findTarget(wanted))) throw new Error(`${wanted} was not found`);
  const { user, system } = process.cpuUsage(before);
  return { wireBytes, cpuMs: (user + system) / 1000, documents: trusted.documents };
}

const first = await lookUp(store, target, new Map([['root', readFileSync(root)]]));
const next = await lookUp(after, newest, first.documents);
const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
const costs = [first, next].map(({ wireBytes, cpuMs }): LookUp => ({ wireBytes, cpuMs }));
process.stdout.write(JSON.stringify({ costs, peakBytes: Number(peak) * 1024 }));
