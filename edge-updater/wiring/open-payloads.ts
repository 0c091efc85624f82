/** Chooses how payloads of an adopted K3s are unpacked in this process. */
import path from 'node:path';
import { K3sPayloads } from '../adapters/datastore/k3s-payloads.ts';
import { runBounded } from '../adapters/preflight/linux-preflight.ts';
import type { Adoption } from '../adoption/adoption.ts';
import type { Payloads } from '../adoption/payloads.ts';

/** Undefined for a K0s, which has none. */
export function payloadsOf(
  { distribution, dataDir, installPath }: Adoption,
  stateDirectory: string,
): Payloads | undefined {
  if (distribution !== 'k3s') return undefined;
  const programOf = (release: string) => path.join(stateDirectory, 'slots', release, installPath);
  return new K3sPayloads({ dataDir, programOf, run: runBounded });
}
