/** Objects to too little memory for what runs beside the old service: unpacking, and K0s' checks of itself. */
import type { BoxFacts } from './facts.ts';
import type { Objection } from './objection.ts';

const mebibyte = 1024 * 1024;

/**
 * K3s reads an archive with a window of 32 MiB (`zstd --long=25` in scripts/package of K3s) in a program of about
 * 70 MiB that is mapped; K0s writes its binaries out one after the other. Both with as much again to spare.
 */
export const memoryToPrepareBytes = { k3s: 192 * mebibyte, k0s: 128 * mebibyte } as const;

export function objectToMemory({ box, availableBytes }: BoxFacts): Objection | undefined {
  const needed = memoryToPrepareBytes[box.distribution];
  if (availableBytes === undefined || availableBytes >= needed) return undefined;
  return {
    code: 'memory-short',
    message: `unpacking ${box.distribution} needs ${needed} bytes of memory, ${availableBytes} are available`,
    hint: 'Free memory on this device; the update goes on by itself then.',
  };
}
