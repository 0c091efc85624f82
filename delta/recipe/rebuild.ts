/**
 * Puts an artifact together from its parts, streaming: memory is that of the encoders. Says whether each compressed
 * stream came out at its length; the digest of the whole is for the caller to compare.
 */
import { createHash } from 'node:crypto';
import type { Digest } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { createDeflateEncoder } from '../flate/encoder.ts';
import type { ByteConsumer, PartReader, ZstdEncoder } from './ports.ts';
import {
  type DecodedDeflateNode,
  type DecodedZstdNode,
  type DeflateNode,
  nodesLength,
  type Recipe,
  type RecipeNode,
  type UnknownEncoder,
  type ZstdNode,
} from './recipe.ts';

interface RebuildPorts {
  readonly zstd: ZstdEncoder;
}

interface Rebuilt {
  readonly length: number;
  readonly sha256: Digest;
}

/**
 * Writes the artifact to `sink`, in order.
 * @throws SlipwayError `recipe-not-reproducible` when a stream comes out longer or shorter than the recipe says,
 * `recipe-encoder-missing`, or what the ports throw
 */
export async function rebuildArtifact(
  recipe: Recipe,
  parts: PartReader,
  sink: ByteConsumer,
  ports: RebuildPorts,
): Promise<Rebuilt> {
  const hash = createHash('sha256');
  let length = 0;
  await writeNodes(recipe.nodes, parts, ports, (bytes) => {
    hash.update(bytes);
    length += bytes.length;
    return sink(bytes);
  });
  return { length, sha256: hash.digest('hex') };
}

async function writeNodes(
  nodes: readonly RecipeNode[],
  parts: PartReader,
  ports: RebuildPorts,
  sink: ByteConsumer,
): Promise<void> {
  for (const node of nodes) {
    if ('part' in node) for await (const bytes of parts.read(node.part, node.length)) await sink(bytes);
    else if ('deflate' in node) await writeDeflate(node, parts, ports, sink);
    else if ('zstd' in node) await writeZstd(node, parts, ports, sink);
    else throw node satisfies never;
  }
}

async function writeDeflate(
  node: DeflateNode | DecodedDeflateNode,
  parts: PartReader,
  ports: RebuildPorts,
  sink: ByteConsumer,
): Promise<void> {
  const output = measured(node.length, sink);
  const waiting: Uint8Array[] = [];
  const encoder = createDeflateEncoder(known(node.deflate), (bytes) => waiting.push(bytes.slice()));
  const drain = async () => {
    for (const bytes of waiting) await output.sink(bytes);
    waiting.length = 0;
  };
  await writeNodes(node.nodes, parts, ports, async (bytes) => {
    encoder.write(bytes);
    if (waiting.length > 0) await drain();
  });
  encoder.finish();
  await drain();
  output.expectEnd();
}

async function writeZstd(
  node: ZstdNode | DecodedZstdNode,
  parts: PartReader,
  ports: RebuildPorts,
  sink: ByteConsumer,
): Promise<void> {
  const output = measured(node.length, sink);
  const encoding = ports.zstd.encode(known(node.zstd), nodesLength(node.nodes), node.length, output.sink);
  try {
    await writeNodes(node.nodes, parts, ports, (bytes) => encoding.write(bytes));
    await encoding.finish();
  } finally {
    encoding.close();
  }
  output.expectEnd();
}

function known<T extends object>(settings: T | UnknownEncoder): T {
  if ('encoder' in settings && settings.encoder === 'unknown') {
    throw new SlipwayError(
      'recipe-encoder-missing',
      'expected the recipe of a target, found one that only takes apart',
    );
  }
  return settings as T;
}

/** Passes on exactly `length` bytes and refuses the first one too many, so that a wrong recipe cannot fill a disk. */
function measured(length: number, sink: ByteConsumer): { sink: ByteConsumer; expectEnd: () => void } {
  let written = 0;
  const differs = () =>
    new SlipwayError('recipe-not-reproducible', `expected a stream of ${length} bytes, the encoder wrote ${written}`);
  return {
    sink(bytes) {
      written += bytes.length;
      if (written > length) throw differs();
      return sink(bytes);
    },
    expectEnd() {
      if (written !== length) throw differs();
    },
  };
}
