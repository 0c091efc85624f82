/** The gzip encoder beside the gzip command of this machine: contents of many blocks at every level. */
import { describe, it } from 'vitest';
import { expectSameStreams, isGnu, levels, longLengths, samples } from './gnu-gzip.ts';

describe.skipIf(!isGnu)('beside the GNU gzip of this machine (skipped where there is none)', () => {
  it.each(samples)('the gzip encoder writes many blocks of $kind at every level', { timeout: 300_000 }, ({ make }) => {
    expectSameStreams(make, longLengths, levels);
  });
});
