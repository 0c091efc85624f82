/** Reads which machine and which boot this is, as digests: the ids themselves are not for others to know (machine-id(5)). */
import { readFileSync } from 'node:fs';
import type { MachineFacts } from '../../../contract/device-api/check.ts';
import { sha256 } from '../../../contract/digest.ts';

/** Undefined where the system does not say. */
export function machineFacts(): MachineFacts | undefined {
  try {
    const digestOf = (what: string, file: string) =>
      sha256(new TextEncoder().encode(`slipway ${what} ${readFileSync(file, 'utf8').trim()}`)).slice(0, 32);
    return { id: digestOf('machine', '/etc/machine-id'), boot: digestOf('boot', '/proc/sys/kernel/random/boot_id') };
  } catch {
    return undefined;
  }
}
