/** Opens bytes as an artifact, and proves what was opened the way the device works with it. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memorySource } from '../../../../delta/byte-source.ts';
import { type OpenOptions, openArtifact } from '../../../../delta/make/open/open-artifact.ts';
import { libzstdEncoder } from '../../../../delta/recipe/libzstd.ts';
import { rebuildArtifact } from '../../../../delta/recipe/rebuild.ts';
import { parseRecipe, recipeText } from '../../../../delta/recipe/recipe.ts';
import { takeApart } from '../../../../delta/recipe/take-apart.ts';

export interface OpenedBytes {
  readonly labels: readonly string[];
  readonly parts: readonly Buffer[];
  readonly unopened: readonly { label: string; reason: string }[];
  /** What the recipe rebuilds from the parts; empty for a base. */
  readonly rebuilt: Buffer;
  /** What the device gets when it takes the artifact apart by the recipe. */
  readonly takenApart: readonly Buffer[];
  /** Files left behind after disposing. */
  readonly left: readonly string[];
}

export async function openBytes(bytes: Uint8Array, options: OpenOptions = {}): Promise<OpenedBytes> {
  const folder = mkdtempSync(join(tmpdir(), 'slipway-test-'));
  try {
    const path = join(folder, 'artifact');
    writeFileSync(path, bytes);
    const opened = await openArtifact(path, { spoolParent: folder, ...options });
    const parts = opened.parts.map(({ range }) => range.read(0, range.length));
    const recipe = parseRecipe(recipeText(opened.recipe));
    const pieces: Buffer[] = [];
    const done = parts.map(() => 0);
    const reader = {
      *read(part: number, length: number) {
        const start = done[part] ?? 0;
        done[part] = start + length;
        yield parts[part]?.subarray(start, start + length) ?? Buffer.alloc(0);
      },
    };
    const zstd = libzstdEncoder();
    if (options.purpose !== 'base') {
      await rebuildArtifact(recipe, reader, (view) => void pieces.push(Buffer.from(view)), { zstd });
    }
    const apart: Buffer[][] = parts.map(() => []);
    await takeApart(recipe, memorySource(bytes), (part, view) => void apart[part]?.push(Buffer.from(view)));
    const labels = opened.parts.map(({ label }) => label);
    const unopened = opened.unopened.map(({ label, reason }) => ({ label, reason }));
    opened[Symbol.dispose]();
    const left = readdirSync(folder).filter((name) => name !== 'artifact');
    return {
      labels,
      parts,
      unopened,
      rebuilt: Buffer.concat(pieces),
      takenApart: apart.map((p) => Buffer.concat(p)),
      left,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
