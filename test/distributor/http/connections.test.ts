import { expect, it } from 'vitest';
import { limits } from '../../../contract/limits.ts';
import { connectionsFor } from '../../../distributor/http/connections.ts';

/** Descriptors of a process, and connections that it takes. */
const allowed: readonly (readonly [number | undefined, number])[] = [
  [4, 1],
  [64, 24],
  [256, 96],
  [1024, 384],
  [1026, 385],
  [4096, 1920],
  [40_256, limits.maxConnections],
  [1_048_576, limits.maxConnections],
  [undefined, limits.maxConnections],
];

it.each(allowed)('a process that may open %s files takes %i connections', (descriptors, connections) => {
  expect(connectionsFor(descriptors)).toBe(connections);
});
