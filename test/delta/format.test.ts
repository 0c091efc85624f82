import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sha256 } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { memorySource } from '../../delta/byte-source.ts';
import { type DeltaDirectory, type DeltaPart, sectionLength } from '../../delta/directory.ts';
import { deltaPreludeBytes, readDelta } from '../../delta/format.ts';
import { deltaHead, deltaLength, recipesSection } from '../../delta/make/write-delta.ts';
import { readRecipes } from '../../delta/recipes.ts';
import { sealBytes } from '../../delta/seal.ts';

const digests = fc.uint8Array({ minLength: 1, maxLength: 4 }).map(sha256);
const lengths = fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: limits.maxComponentBytes }));
const proofs = fc.record({ length: lengths, sha256: digests });
const oldParts = fc.nat({ max: 300 });
const dataLengths = fc.nat({ max: 50 });

const parts: fc.Arbitrary<DeltaPart> = fc.oneof(
  fc.record({ method: fc.constant('copy' as const), oldPart: oldParts }),
  fc
    .tuple(fc.record({ method: fc.constant('range' as const), oldPart: oldParts, offset: lengths }), proofs)
    .map(([part, proof]) => ({ ...part, ...proof })),
  fc
    .tuple(
      fc.record({
        method: fc.constantFrom('approximate' as const, 'vcdiff' as const, 'zstdPatch' as const),
        oldPart: oldParts,
        dataLength: dataLengths,
      }),
      proofs,
    )
    .map(([part, proof]) => ({ ...part, ...proof })),
  fc
    .tuple(
      fc.record({
        method: fc.constant('go' as const),
        oldPart: oldParts,
        tablesLength: dataLengths,
        dataLength: dataLengths,
      }),
      proofs,
    )
    .map(([part, proof]) => ({ ...part, ...proof })),
  fc
    .tuple(dataLengths, digests)
    .map(([length, digest]) => ({ method: 'stored' as const, length, dataLength: length, sha256: digest })),
  fc.tuple(dataLengths, proofs).map(([dataLength, proof]) => ({ method: 'zstd' as const, dataLength, ...proof })),
);

const directories: fc.Arbitrary<DeltaDirectory> = fc.record({
  base: proofs,
  target: proofs,
  recipesLength: fc.nat({ max: 100 }),
  parts: fc.array(parts, { maxLength: 40 }),
});

/** A delta with that directory whose sections are all zeros. */
function deltaOf(directory: DeltaDirectory): Uint8Array {
  const head = deltaHead(directory);
  const delta = new Uint8Array(deltaLength(directory, head));
  delta.set(head);
  return delta;
}

function refusal(delta: Uint8Array): string | undefined {
  try {
    readDelta(memorySource(delta));
    return undefined;
  } catch (error) {
    if (error instanceof SlipwayError) return error.code;
    throw error;
  }
}

const sample: DeltaDirectory = {
  base: { length: 1000, sha256: sha256(new Uint8Array(1)) },
  target: { length: 2000, sha256: sha256(new Uint8Array(2)) },
  recipesLength: 7,
  parts: [
    { method: 'copy', oldPart: 0 },
    { method: 'stored', length: 9, dataLength: 9, sha256: sha256(new Uint8Array(9)) },
    { method: 'go', oldPart: 3, tablesLength: 4, dataLength: 5, length: 77, sha256: sha256(new Uint8Array(3)) },
  ],
};

test('reads the directory that was written and lays the sections out in order', () => {
  fc.assert(
    fc.property(directories, (directory) => {
      const delta = deltaOf(directory);
      const { sections, recipes, ...read } = readDelta(memorySource(delta));
      expect(read).toEqual(directory);
      let offset = recipes.offset + recipes.length;
      for (const [index, part] of directory.parts.entries()) {
        expect(sections[index]).toEqual({ offset, length: sectionLength(part) });
        offset += sectionLength(part);
      }
      expect(offset + sealBytes).toBe(delta.length);
    }),
    { numRuns: 300 },
  );
});

test('refuses a delta that is cut at any byte', () => {
  const delta = deltaOf(sample);
  for (let length = 0; length < delta.length; length++) {
    expect(refusal(delta.subarray(0, length)), `cut at ${length}`).toBe('delta-truncated');
  }
});

test('refuses bytes behind the last part', () => {
  const delta = deltaOf(sample);
  const longer = new Uint8Array(delta.length + 1);
  longer.set(delta);
  expect(refusal(longer)).toBe('delta-malformed');
});

test('refuses another magic, and a version it does not know', () => {
  const other = deltaOf(sample);
  other[0] = 0;
  expect(refusal(other)).toBe('delta-malformed');
  const later = deltaOf(sample);
  later[8] = 2;
  expect(refusal(later)).toBe('delta-version-unknown');
});

test('refuses a directory beyond its limit without reading it', () => {
  const delta = deltaOf(sample);
  new DataView(delta.buffer).setUint32(9, limits.maxDeltaDirectoryBytes + 1, true);
  expect(refusal(delta)).toBe('delta-malformed');
});

test('reads or refuses any directory bytes, with a code', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (directory) => {
      const delta = new Uint8Array(deltaPreludeBytes + directory.length);
      delta.set(deltaOf(sample).subarray(0, deltaPreludeBytes));
      new DataView(delta.buffer).setUint32(9, directory.length, true);
      delta.set(directory, deltaPreludeBytes);
      expect([undefined, 'delta-malformed', 'delta-truncated']).toContain(refusal(delta));
    }),
    { numRuns: 1000 },
  );
});

test('keeps unchanged parts nearly free: 10,000 copies in under 200 bytes', () => {
  const copies = Array.from({ length: 10_000 }, (_, oldPart): DeltaPart => ({ method: 'copy', oldPart }));
  expect(deltaHead({ ...sample, parts: copies }).length).toBeLessThan(200);
});

test('carries both recipes', () => {
  const base = new TextEncoder().encode(
    JSON.stringify({ nodes: Array.from({ length: 200 }, (_, part) => ({ part })) }),
  );
  const target = new TextEncoder().encode(
    JSON.stringify({ nodes: Array.from({ length: 201 }, (_, part) => ({ part })) }),
  );
  const section = recipesSection({ base, target });
  const delta = new Uint8Array(deltaOf({ ...sample, recipesLength: section.length, parts: [] }));
  const layout = readDelta(memorySource(delta));
  delta.set(section, layout.recipes.offset);
  expect(readRecipes(memorySource(delta), layout)).toEqual({ base, target });
  expect(section.length).toBeLessThan(base.length / 3);
});
