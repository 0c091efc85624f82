/** Reads which machine and which boot this is, as digests: the ids themselves are not for others to know (machine-id(5)). */
import { readFileSync } from 'node:fs';
import type { MachineFacts } from '../../../contract/device-api/check.ts';
import { sha256 } from '../../../contract/digest.ts';
import { bootId } from '../service/process-table.ts';

/** Undefined where the system does not say. */
export function machineFacts(): MachineFacts | undefined {
  try {
    const digestOf = (what: string, id: string) =>
      sha256(new TextEncoder().encode(`slipway ${what} ${id}`)).slice(0, 32);
    const [machine, boot] = [readFileSync('/etc/machine-id', 'utf8').trim(), bootId()];
    return boot === '' ? undefined : { id: digestOf('machine', machine), boot: digestOf('boot', boot) };
  } catch {
    return undefined;
  }
}
