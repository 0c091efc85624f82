import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../contract/digest.ts';
import { memorySource } from '../../../delta/byte-source.ts';
import { libzstdEncoder } from '../../../delta/recipe/libzstd.ts';
import { NodeBinding } from '../../../delta/recipe/node-binding.ts';
import type { PartReader } from '../../../delta/recipe/ports.ts';
import { rebuildArtifact } from '../../../delta/recipe/rebuild.ts';
import type { Recipe, RecipeNode } from '../../../delta/recipe/recipe.ts';
import { directPart, takeApart } from '../../../delta/recipe/take-apart.ts';
import type { ZstdSettings } from '../../../delta/recipe/zstd-settings.ts';
import { deflated, zstandard } from '../../corpus/containers.ts';
import { sampleBytes } from '../../corpus/flate/sample-bytes.ts';

const version = process.versions.zstd ?? '';
const ports = { zstd: libzstdEncoder() };
const deflate = { encoder: 'go', level: 6 } as const;
const longWindow: ZstdSettings = {
  encoder: 'libzstd',
  version,
  level: 3,
  windowLog: 25,
  longDistance: true,
  jobs: true,
  checksum: true,
  contentSize: true,
};

function readerOf(...parts: Uint8Array[]): PartReader {
  const done = parts.map(() => 0);
  return {
    *read(part, length) {
      const start = done[part] ?? 0;
      done[part] = start + length;
      yield (parts[part] ?? new Uint8Array(0)).subarray(start, start + length);
    },
  };
}

async function rebuilt(nodes: readonly RecipeNode[], ...parts: Uint8Array[]): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const sink = (bytes: Uint8Array) => void pieces.push(Buffer.from(bytes));
  const result = await rebuildArtifact({ version: 1, nodes }, readerOf(...parts), sink, ports);
  const artifact = Buffer.concat(pieces);
  expect(result).toEqual({ length: artifact.length, sha256: sha256(artifact) });
  return artifact;
}

describe('rebuilding', () => {
  const text = sampleBytes('text', 50_000, 1);
  const stream = deflated(text, deflate);

  it('takes a part in several pieces, in order', async () => {
    const head = Buffer.from('head');
    const nodes = [
      { part: 0, length: 1 },
      { deflate, length: stream.length, nodes: [{ part: 1, length: text.length }] },
      { part: 0, length: 3 },
    ];
    expect(await rebuilt(nodes, head, text)).toEqual(Buffer.concat([head.subarray(0, 1), stream, head.subarray(1)]));
  });

  it('streams a frame with jobs and a long window to the bytes of the one-shot encoder', async () => {
    const content = Buffer.concat(
      Array.from({ length: 12 }, (_, i) => sampleBytes(i % 3 === 0 ? 'noise' : 'records', 700_000, i % 4)),
    );
    const frame = zstandard(content, { level: 3, windowLog: 25, longDistance: true, workers: 2 });
    const alone = zstandard(content, { level: 3, windowLog: 25, longDistance: true, workers: 0 });
    expect(frame.equals(alone)).toBe(false);
    const nodes = [{ part: 0, length: content.length }];
    expect(
      (await rebuilt([{ zstd: { ...longWindow, windowLog: 24 }, length: frame.length, nodes }], content)).equals(frame),
    ).toBe(true);
    const single = { ...longWindow, windowLog: 24, jobs: false };
    expect((await rebuilt([{ zstd: single, length: alone.length, nodes }], content)).equals(alone)).toBe(true);
  });

  it.each([-1, 1])('refuses a stream that comes out %i byte away from its length', async (off) => {
    const nodes = [{ deflate, length: stream.length + off, nodes: [{ part: 0, length: text.length }] }];
    await expect(rebuilt(nodes, text)).rejects.toMatchObject({ code: 'recipe-not-reproducible' });
  });

  it('writes no more than a stream may be long before it refuses it', async () => {
    const noise = sampleBytes('noise', 2_000_000, 3);
    let written = 0;
    const recipe: Recipe = {
      version: 1,
      nodes: [{ deflate, length: 1000, nodes: [{ part: 0, length: noise.length }] }],
    };
    const sink = (bytes: Uint8Array) => {
      written += bytes.length;
    };
    await expect(rebuildArtifact(recipe, readerOf(noise), sink, ports)).rejects.toMatchObject({
      code: 'recipe-not-reproducible',
    });
    expect(written).toBeLessThanOrEqual(1000);
  });

  it('refuses a frame of a libzstd that this program does not carry', async () => {
    const nodes = [{ zstd: { ...longWindow, version: '1.5.6' }, length: 9, nodes: [{ part: 0, length: 9 }] }];
    await expect(rebuilt(nodes, new Uint8Array(9))).rejects.toMatchObject({ code: 'recipe-encoder-missing' });
  });

  it.each([-1, 1])('refuses a frame whose content is %i byte away from what was said', async (off) => {
    const encoding = ports.zstd.encode(longWindow, 1000 + off, 5000, () => {});
    await encoding.write(new Uint8Array(1000));
    await expect(encoding.finish()).rejects.toMatchObject({ code: 'recipe-not-reproducible' });
    encoding.close();
    encoding.close();
  });

  it.each(['deflate', 'zstd'])('refuses a %s node of a recipe that only takes apart', async (kind) => {
    const node = {
      [kind]: { encoder: 'unknown' },
      length: 9,
      nodes: [{ part: 0, length: 9 }],
    } as unknown as RecipeNode;
    await expect(rebuilt([node], new Uint8Array(9))).rejects.toMatchObject({ code: 'recipe-encoder-missing' });
  });

  it('refuses a binding of another shape', () => {
    expect(() => new NodeBinding({})).toThrow(expect.objectContaining({ code: 'recipe-encoder-missing' }));
  });
});

describe('taking apart', () => {
  const text = sampleBytes('text', 50_000, 1);
  const stream = deflated(text, deflate);
  const artifact = Buffer.concat([Buffer.from('ab'), stream, Buffer.from('cd')]);
  const inner = { deflate, length: stream.length, nodes: [{ part: 1, length: text.length }] };
  const recipe: Recipe = { version: 1, nodes: [{ part: 0, length: 2 }, inner, { part: 0, length: 2 }] };
  const apart = async (of: Recipe, bytes: Uint8Array) => {
    const parts: Buffer[] = [];
    const sink = (part: number, view: Uint8Array) => {
      parts[part] = Buffer.concat([parts[part] ?? Buffer.alloc(0), view]);
    };
    await takeApart(of, memorySource(bytes), sink);
    return parts;
  };
  const withContent = (length: number): Recipe => ({
    version: 1,
    nodes: recipe.nodes.map((node) => ('part' in node ? node : { ...node, nodes: [{ part: 1, length }] })),
  });

  const shortened: Recipe = {
    version: 1,
    nodes: [
      { part: 0, length: 2 },
      { ...inner, length: inner.length - 8 },
    ],
  };
  const lengthened: Recipe = {
    version: 1,
    nodes: [
      { part: 0, length: 2 },
      { ...inner, length: inner.length + 3 },
    ],
  };

  it('gives every part', async () => {
    expect(await apart(recipe, artifact)).toEqual([Buffer.from('abcd'), Buffer.from(text)]);
  });

  it('reads a part that is not compressed where it lies', () => {
    const part = directPart(recipe, memorySource(artifact), 0);
    const middle = new Uint8Array(2);
    part?.readInto(middle, 1);
    expect(Buffer.from(middle).toString()).toBe('bc');
    expect(part?.length).toBe(4);
    expect(directPart(recipe, memorySource(artifact), 1)).toBeUndefined();
  });

  it.each([
    ['an artifact of another length', recipe, artifact.subarray(1), 'recipe-malformed'],
    ['a stream with more content than said', withContent(text.length - 1), artifact, 'recipe-malformed'],
    ['a stream with less content than said', withContent(text.length + 1), artifact, 'recipe-malformed'],
    ['a stream that does not decode', recipe, Buffer.alloc(artifact.length, 0xff), 'compression-invalid'],
    ['a stream that is cut off', shortened, artifact.subarray(0, artifact.length - 10), 'recipe-malformed'],
    [
      'a stream with bytes behind its end',
      lengthened,
      Buffer.concat([artifact, Buffer.from('x')]),
      'compression-invalid',
    ],
  ])('refuses %s', async (_, of, bytes, code) => {
    await expect(apart(of, bytes)).rejects.toMatchObject({ code });
  });
});
