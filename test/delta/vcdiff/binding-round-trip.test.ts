import { createRequire } from 'node:module';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bindingPackage, findXdelta3, thisMachine } from '../../../delta/make/processes/xdelta3-binding.ts';
import { describeUnless } from '../../services/requirement.ts';
import { decodeAll } from './decode-all.ts';
import { filePair, noise, seededNumbers } from './file-pair.ts';

const found = findXdelta3();

describeUnless(found.kind === 'available' ? undefined : found.detail, "deltas of the packager's binding", () => {
  const { encodeSync } = createRequire(import.meta.url)(bindingPackage(thisMachine()) ?? '') as {
    encodeSync(source: Uint8Array, target: Uint8Array): Uint8Array;
  };

  /** One edit: bytes of the old file, of no file, or one byte many times. */
  const edit = fc.oneof(
    fc.record({ kind: fc.constant('keep' as const), at: fc.nat(5000), length: fc.integer({ min: 1, max: 3000 }) }),
    fc.record({ kind: fc.constant('insert' as const), bytes: fc.uint8Array({ minLength: 1, maxLength: 60 }) }),
    fc.record({ kind: fc.constant('run' as const), byte: fc.nat(255), length: fc.integer({ min: 1, max: 500 }) }),
  );

  test('decode to what was encoded, for random edits of random files in chunks of any length', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5000 }),
        fc.nat(),
        fc.array(edit, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 4000 }),
        async (oldLength, seed, edits, chunkBytes) => {
          const old = noise(oldLength, seededNumbers(seed));
          const target = Buffer.concat([
            // The binding fails on targets of a few bytes.
            Buffer.from('a beginning of thirty-two bytes.'),
            ...edits.map((e) => {
              if (e.kind === 'keep') return old.subarray(e.at, e.at + e.length);
              return e.kind === 'insert' ? Buffer.from(e.bytes) : Buffer.alloc(e.length, e.byte);
            }),
          ]);
          const delta = encodeSync(old, target);
          expect((await decodeAll(old, delta, { chunkBytes, expectedLength: target.length })).equals(target)).toBe(
            true,
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  test('decode across several windows', async () => {
    const pair = filePair(20_000_000, 7);
    const delta = encodeSync(pair.old, pair.new);
    expect(delta.length).toBeLessThan(pair.new.length / 4);
    expect((await decodeAll(pair.old, delta, { chunkBytes: 65_536 })).equals(pair.new)).toBe(true);
  });
});
