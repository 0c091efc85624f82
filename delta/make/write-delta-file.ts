/** Writes a delta to the disk: head, recipes, the bytes of each part, the seal. */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { DeltaPart, Proof } from '../directory.ts';
import { type Recipe, recipeText } from '../recipe/recipe.ts';
import { Seal } from '../seal.ts';
import { deltaHead, recipesSection } from './write-delta.ts';

export interface CodedPart {
  readonly part: DeltaPart;
  /** Undefined for parts without bytes in the delta. */
  readonly file: string | undefined;
}

interface WrittenDelta {
  /** Bytes in all. */
  readonly length: number;
  readonly headLength: number;
  readonly recipesLength: number;
}

export async function writeDelta(
  outFile: string,
  files: { readonly old: Proof; readonly new: Proof },
  base: Recipe,
  target: Recipe,
  coded: readonly CodedPart[],
): Promise<WrittenDelta> {
  const recipes = recipesSection({ base: recipeText(base), target: recipeText(target) });
  const parts = coded.map(({ part }) => part);
  const head = deltaHead({ base: files.old, target: files.new, recipesLength: recipes.length, parts });
  const out = await open(outFile, 'w');
  const seal = new Seal();
  let length = 0;
  const write = async (bytes: Uint8Array) => {
    seal.add(bytes);
    await append(bytes);
  };
  const append = async (bytes: Uint8Array) => {
    await out.writeFile(bytes);
    length += bytes.length;
  };
  try {
    await write(head);
    await write(recipes);
    for (const { file } of coded) {
      if (file !== undefined) for await (const bytes of createReadStream(file)) await write(bytes as Uint8Array);
    }
    await append(seal.finish());
    await out.sync();
  } finally {
    await out.close();
  }
  return { length, headLength: head.length, recipesLength: recipes.length };
}
