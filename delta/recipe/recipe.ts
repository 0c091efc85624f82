/**
 * A recipe says how an artifact is put together from parts, and so also how it is taken apart: no probing, the same
 * cuts on every machine. It is a tree of three kinds of node. Everything that only frames content (tar headers, ZIP
 * directories, gzip headers and trailers) is bytes of a part like any other, so tar, ZIP and gzip need no kind of their
 * own.
 */
import * as z from 'zod/mini';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { strictJson } from '../../contract/strict-json.ts';
import { type DeflateSettings, deflateSettingsSchema } from '../flate/encoder.ts';
import { type ZstdSettings, zstdSettingsSchema } from './zstd-settings.ts';

/** The next `length` bytes of a part. Parts are streams: a part can be taken in several pieces, always in order. */
export interface PartNode {
  readonly part: number;
  readonly length: number;
}

/** One raw DEFLATE stream (RFC 1951) of what the nodes give; `length` is that of the stream. */
export interface DeflateNode {
  readonly deflate: DeflateSettings;
  readonly length: number;
  readonly nodes: readonly RecipeNode[];
}

/** One zstd frame (RFC 8878) of what the nodes give; `length` is that of the frame. */
export interface ZstdNode {
  readonly zstd: ZstdSettings;
  readonly length: number;
  readonly nodes: readonly RecipeNode[];
}

/** In the recipe of a base, which is only taken apart: a stream that nobody tried to write again. */
export const unknownEncoder = { encoder: 'unknown' } as const;
const unknownEncoderSchema = z.strictObject({ encoder: z.literal('unknown') });
export type UnknownEncoder = z.infer<typeof unknownEncoderSchema>;
type WithoutEncoder<Node, Kind extends string> = Omit<Node, Kind> & Readonly<Record<Kind, UnknownEncoder>>;
export type DecodedDeflateNode = WithoutEncoder<DeflateNode, 'deflate'>;
export type DecodedZstdNode = WithoutEncoder<ZstdNode, 'zstd'>;

/**
 * A compressed stream. Who dispatches on its kind ends with `node satisfies never`: another kind then does not compile.
 */
export type StreamNode = DeflateNode | ZstdNode | DecodedDeflateNode | DecodedZstdNode;
export type RecipeNode = PartNode | StreamNode;

export interface Recipe {
  readonly version: 1;
  readonly nodes: readonly RecipeNode[];
}

const lengthSchema = z.int().check(z.minimum(1), z.maximum(limits.maxOpenedBytes));
const childrenSchema = z.array(z.unknown());
const nodeSchema = z.union([
  z.strictObject({
    part: z.int().check(z.minimum(0), z.maximum(limits.maxRecipeParts - 1)),
    length: lengthSchema,
  }),
  z.strictObject({
    deflate: z.union([deflateSettingsSchema, unknownEncoderSchema]),
    length: lengthSchema,
    nodes: childrenSchema,
  }),
  z.strictObject({
    zstd: z.union([zstdSettingsSchema, unknownEncoderSchema]),
    length: lengthSchema,
    nodes: childrenSchema,
  }),
]);
const recipeSchema = z.strictObject({ version: z.literal(1), nodes: childrenSchema });

/**
 * Parses the JSON text of a recipe.
 * @throws SlipwayError `recipe-malformed`, or `recipe-limit-exceeded` for one that asks for too much: depth, nodes,
 * parts or bytes (a bomb)
 */
export function parseRecipe(text: Uint8Array): Recipe {
  if (text.length > limits.maxRecipeBytes) throw exceeded('bytes', text.length, limits.maxRecipeBytes);
  let value: unknown;
  try {
    value = strictJson(text);
  } catch (cause) {
    throw new SlipwayError('recipe-malformed', 'expected a recipe as JSON', { cause });
  }
  const outer = recipeSchema.safeParse(value);
  if (!outer.success) throw malformed(outer.error);
  const budget = { nodes: limits.maxRecipeNodes };
  const recipe: Recipe = { version: 1, nodes: parseNodes(outer.data.nodes, 0, budget) };
  partLengths(recipe);
  return recipe;
}

/** The recipe as JSON text, in one form. */
export function recipeText(recipe: Recipe): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(recipe));
}

/**
 * Length of every part, in order of their numbers.
 * @throws SlipwayError `recipe-malformed` when a number is missing, `recipe-limit-exceeded` for too many bytes
 */
export function partLengths(recipe: Recipe): number[] {
  const lengths: number[] = [];
  let total = 0;
  const add = (nodes: readonly RecipeNode[]) => {
    for (const node of nodes) {
      if (!('part' in node)) {
        add(node.nodes);
        continue;
      }
      // Numbers are given in order of first use, so a hole is a mistake and the array stays dense.
      if (node.part > lengths.length) {
        throw new SlipwayError('recipe-malformed', `expected part ${lengths.length} before part ${node.part}`);
      }
      lengths[node.part] = (lengths[node.part] ?? 0) + node.length;
      total += node.length;
      if (total > limits.maxOpenedBytes) throw exceeded('bytes in parts', total, limits.maxOpenedBytes);
    }
  };
  add(recipe.nodes);
  return lengths;
}

/** Length of what these nodes give. */
export function nodesLength(nodes: readonly RecipeNode[]): number {
  return nodes.reduce((sum, node) => sum + node.length, 0);
}

/** The frames that rebuilding needs an encoder for, those inside others behind them: what a device must afford. */
export function zstdNodes(nodes: readonly RecipeNode[]): ZstdNode[] {
  return nodes.flatMap((node) => {
    if ('part' in node) return [];
    const zstd = zstdSettingsOf(node);
    const inner = zstdNodes(node.nodes);
    return zstd === undefined ? inner : [{ ...node, zstd }, ...inner];
  });
}

/** What the machine must have an encoder for; undefined where it needs none. */
export function zstdSettingsOf(node: StreamNode): ZstdSettings | undefined {
  if ('zstd' in node) return node.zstd.encoder === 'unknown' ? undefined : node.zstd;
  // DEFLATE encoders are part of the library.
  if ('deflate' in node) return undefined;
  throw node satisfies never;
}

function parseNodes(values: readonly unknown[], depth: number, budget: { nodes: number }): RecipeNode[] {
  if (depth > limits.maxRecipeDepth) throw exceeded('levels of compression', depth, limits.maxRecipeDepth);
  budget.nodes -= values.length;
  if (budget.nodes < 0) throw exceeded('nodes', limits.maxRecipeNodes - budget.nodes, limits.maxRecipeNodes);
  return values.map((value) => {
    const parsed = nodeSchema.safeParse(value);
    if (!parsed.success) throw malformed(parsed.error);
    if ('part' in parsed.data) return parsed.data;
    return streamOf(parsed.data, parseNodes(parsed.data.nodes, depth + 1, budget));
  });
}

function streamOf(parsed: Exclude<z.infer<typeof nodeSchema>, { part: number }>, nodes: RecipeNode[]): StreamNode {
  const { length } = parsed;
  if ('deflate' in parsed) return deflateNode(parsed.deflate, length, nodes);
  if ('zstd' in parsed) return zstdNode(parsed.zstd, length, nodes);
  throw parsed satisfies never;
}

/** The branches are alike: the condition tells the compiler which settings each has. */
export function deflateNode(
  deflate: DeflateSettings | UnknownEncoder,
  length: number,
  nodes: readonly RecipeNode[],
): DeflateNode | DecodedDeflateNode {
  return deflate.encoder === 'unknown' ? { deflate, length, nodes } : { deflate, length, nodes };
}

/** See deflateNode. */
export function zstdNode(
  zstd: ZstdSettings | UnknownEncoder,
  length: number,
  nodes: readonly RecipeNode[],
): ZstdNode | DecodedZstdNode {
  return zstd.encoder === 'unknown' ? { zstd, length, nodes } : { zstd, length, nodes };
}

function malformed(error: z.core.$ZodError): SlipwayError {
  return new SlipwayError('recipe-malformed', `expected a recipe: ${error.issues[0]?.message ?? 'unknown form'}`);
}

function exceeded(what: string, found: number, allowed: number): SlipwayError {
  return new SlipwayError('recipe-limit-exceeded', `expected a recipe of at most ${allowed} ${what}, found ${found}`);
}
