import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodePart } from '../../../delta/make/encode-part.ts';
import type { PartEncoders } from '../../../delta/make/ports.ts';
import { findXdelta3 } from '../../../delta/make/processes/xdelta3-binding.ts';
import { elf, gzipped, type NamedBytes, tarred, zipped, zstandard } from '../../corpus/containers.ts';
import { sampleBytes } from '../../corpus/flate/sample-bytes.ts';
import { tinyGoProgram } from '../go/tiny-go-program.ts';
import { deltaBetween, ownEncoders } from './delta-bench.ts';

/** Bytes without a pattern, the same for the same seed. */
function noise(seed: number, length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let i = 0; i * 32 < length; i++) blocks.push(createHash('sha256').update(`${seed} ${i}`).digest());
  return Buffer.concat(blocks).subarray(0, length);
}

function edited(bytes: Uint8Array, at: number, text = 'edited'): Buffer {
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(text), bytes.subarray(at + 3)]);
}

/** Skipped where it is not there. */
const hasGnuGzip = spawnSync('gzip', ['--version'], { encoding: 'utf8' }).stdout?.startsWith('gzip ') ?? false;

const program = (seed: number) => noise(seed, 40_000);
const go = { encoder: 'go', level: 9 } as const;

/** The files of a release; in the new one two are edited. */
function payload(release: 'old' | 'new'): NamedBytes[] {
  const changed = (seed: number) => (release === 'old' ? program(seed) : edited(program(seed), 7000));
  return [
    { name: 'bin/k3s', bytes: changed(1) },
    { name: 'bin/containerd', bytes: changed(2) },
    { name: 'bin/runc', bytes: program(3) },
    { name: 'etc/version', bytes: Buffer.from(release) },
  ];
}

const shapes: Record<string, (release: 'old' | 'new') => Buffer> = {
  k3s: (release) =>
    elf(Buffer.concat([noise(9, 5000), zstandard(tarred(payload(release)), { level: 16, workers: 2 }), noise(8, 900)])),
  'k0s with a ZIP': (release) => Buffer.concat([elf(noise(9, 9000)), zipped(payload(release), go)]),
  'k0s with gzip streams': (release) =>
    Buffer.concat([
      elf(noise(9, 9000)),
      ...payload(release)
        .slice(0, 3)
        .map(({ bytes }) => gzipped(bytes, go)),
    ]),
  airgap: (release) =>
    zstandard(
      tarred(
        payload(release).map(({ name, bytes }) => ({
          name: `blobs/sha256/${createHash('sha256').update(bytes).digest('hex')}`,
          bytes: gzipped(tarred([{ name: `usr/${name}`, bytes }]), { encoder: 'go', level: -1 }),
        })),
      ),
      { level: 3 },
    ),
};

describe('a Slipway delta', () => {
  it.each(
    Object.entries(shapes),
  )('of a %s-shaped pair has the edits only, whatever is around them', async (_, shape) => {
    const made = await deltaBetween(shape('old'), shape('new'));
    expect(made.applied.equals(shape('new'))).toBe(true);
    expect(made).toMatchObject({ strategy: 'opened', unopened: [], givenUp: [], left: [] });
    expect(made.length).toBeLessThan(1500);
    expect(made.length).toBe(made.bytes.length);
    expect(made.parts.filter(({ method }) => method === 'copy').length).toBeGreaterThan(0);
  });

  it.skipIf(!hasGnuGzip).each([1, 6, 9])(
    'of a .tar.gz that GNU gzip wrote at level %i has the edit only',
    async (level) => {
      const records = Buffer.from(sampleBytes('records', 300_000, 1));
      const text = Buffer.from(sampleBytes('text', 200_000, 2));
      const archive = (release: 'old' | 'new') => {
        const files = [
          { name: 'bin/k3s', bytes: release === 'old' ? records : edited(records, 150_000) },
          { name: 'etc/words', bytes: text },
        ];
        return execFileSync('gzip', ['-n', '-c', `-${level}`], { input: tarred(files), maxBuffer: 2 ** 24 });
      };
      const made = await deltaBetween(archive('old'), archive('new'));
      expect(made.applied.equals(archive('new'))).toBe(true);
      expect(made).toMatchObject({ strategy: 'opened', unopened: [] });
      expect(made.length).toBeLessThan(1500);
    },
  );

  it('says what a device needs: an encoder for zstd frames, and room for parts', async () => {
    const { needs } = await deltaBetween(shapes.k3s?.('old') ?? noise(1, 1), shapes.k3s?.('new') ?? noise(1, 1));
    expect(needs.zstd?.versions).toEqual([process.versions.zstd]);
    expect(needs.zstd?.contentBytes).toBe(tarred(payload('new')).length);
    expect(needs.scratchBytes).toBeGreaterThan(80_000);
    expect((await deltaBetween(program(1), edited(program(1), 9))).needs).toEqual({ scratchBytes: 0 });
  });

  it('follows files that were renamed and moved, by their content', async () => {
    const files = (names: readonly string[], edit: boolean) =>
      gzipped(
        tarred(names.map((name, i) => ({ name, bytes: edit ? edited(program(i + 1), 4000 + i) : program(i + 1) }))),
        go,
      );
    const new_ = files(['opt/x', 'opt/y', 'opt/z'], true);
    const made = await deltaBetween(files(['usr/a', 'usr/b', 'usr/c'], false), new_);
    expect(made.applied.equals(new_)).toBe(true);
    expect(made.length).toBeLessThan(1500);
    expect(made.parts.filter(({ method }) => method === 'approximate').length).toBeGreaterThanOrEqual(3);
  });

  it('encodes the same bytes once, wherever they lie, and gives each back', async () => {
    const tarOf = (bytes: Buffer) => tarred(['a', 'b', 'c'].map((folder) => ({ name: `${folder}/tool`, bytes })));
    const [old, next] = [tarOf(program(1)), tarOf(edited(program(1), 7000))];
    let encoded = 0;
    const encode: PartEncoders['encode'] = (task) => {
      if (task.new.length > 10_000) encoded++;
      return encodePart(task);
    };
    const made = await deltaBetween(old, next, { encoders: { ...ownEncoders, encode } });
    expect(made.applied.equals(next)).toBe(true);
    expect(made.parts.filter(({ method }) => method === 'approximate' || method === 'go')).toHaveLength(4);
    expect(encoded).toBe(1);
  });

  it('finds a new part inside an old one', async () => {
    const inner = program(5);
    const old = gzipped(
      tarred([{ name: 'all', bytes: Buffer.concat([noise(6, 60_000), inner, noise(7, 60_000)]) }]),
      go,
    );
    const new_ = gzipped(tarred([{ name: 'one', bytes: inner }]), go);
    const made = await deltaBetween(old, new_);
    expect(made.applied.equals(new_)).toBe(true);
    expect(made.parts.map(({ method }) => method)).toContain('range');
    expect(made.length).toBeLessThan(1200);
  });

  it('keeps a stream that nobody writes again, and says which and why', async () => {
    const stream = (bytes: Buffer) => {
      const whole = gzipped(bytes, { encoder: 'zlib', level: 6 });
      // A block boundary where no encoder puts one: an empty stored block before the stream.
      return Buffer.concat([whole.subarray(0, 10), Buffer.from([0, 0, 0, 255, 255]), whole.subarray(10)]);
    };
    const text = Buffer.from('Lorem ipsum dolor sit amet, consetetur. '.repeat(4000));
    const tar = (bytes: Buffer) =>
      tarred([
        { name: 'a', bytes: stream(bytes) },
        { name: 'b', bytes: program(4) },
      ]);
    const noisy = Buffer.concat([text, noise(1, 50_000)]);
    const made = await deltaBetween(tar(noisy), tar(edited(noisy, 170_000)));
    expect(made.applied.equals(tar(edited(noisy, 170_000)))).toBe(true);
    expect(made.unopened).toMatchObject([{ reason: 'encoder-unknown' }]);
  });

  it('of empty files, from nothing and to nothing gives back what it was made for', async () => {
    const [none, some] = [Buffer.alloc(0), program(1)];
    for (const [old, new_] of [
      [none, none],
      [none, some],
      [some, none],
      [some, some],
    ] as const) {
      const made = await deltaBetween(old, new_);
      expect(made.applied.equals(new_)).toBe(true);
      expect(made.length).toBeLessThan(new_.length + 300);
    }
  });

  it('gives back every edit of nested containers', async () => {
    const file = fc.record({
      name: fc.constantFrom('a', 'b', 'usr/bin/c', 'd'),
      seed: fc.integer({ min: 0, max: 3 }),
      length: fc.constantFrom(10, 5000, 33_000, 70_000),
    });
    const edit = fc.record({
      file: fc.nat({ max: 3 }),
      at: fc.nat({ max: 69_000 }),
      text: fc.string({ maxLength: 300 }),
    });
    const wrap = fc.array(fc.constantFrom('tar', 'gzip', 'zlib', 'zip', 'zstd', 'elf'), { maxLength: 3 });
    const wrapped = (files: readonly NamedBytes[], wraps: readonly string[]) =>
      wraps.reduce<Buffer>((bytes, kind) => {
        if (kind === 'tar') return tarred([{ name: 'inner', bytes }]);
        if (kind === 'gzip') return gzipped(bytes, { encoder: 'go', level: 6 });
        if (kind === 'zlib') return gzipped(bytes, { encoder: 'zlib', level: 6 });
        if (kind === 'zip') return zipped([{ name: 'inner', bytes }], { encoder: 'go', level: 5 });
        if (kind === 'zstd') return zstandard(bytes, { level: 3 });
        return Buffer.concat([elf(noise(77, 300)), bytes]);
      }, tarred(files));
    await fc.assert(
      fc.asyncProperty(
        ...([
          fc.array(file, { minLength: 1, maxLength: 4 }),
          fc.array(edit, { maxLength: 3 }),
          wrap,
          wrap,
          fc.boolean(),
        ] as const),
        async (files, edits, oldWraps, newWraps, isSame) => {
          const olds = files.map(({ name, seed, length }) => ({ name, bytes: noise(seed, length) }));
          const news = olds.map((entry, i) => ({
            name: isSame ? entry.name : `${entry.name}-2`,
            bytes: edits
              .filter((one) => one.file === i)
              .reduce<Buffer>((bytes, { at, text }) => edited(bytes, Math.min(at, bytes.length), text), entry.bytes),
          }));
          const new_ = wrapped(isSame ? news : news.reverse(), isSame ? oldWraps : newWraps);
          const made = await deltaBetween(wrapped(olds, oldWraps), new_);
          expect(made.applied.equals(new_)).toBe(true);
          expect(made.givenUp.filter((line) => !line.startsWith('opened, the delta has'))).toEqual([]);
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe('a codec that fails', () => {
  const functions = (padding: number) =>
    Array.from({ length: 30 }, (_, i) => ({
      name: `main.f${i}`,
      padding: 3 * i + padding,
      calls: `main.f${(i * 7) % 30}`,
    }));
  const old = Buffer.from(tinyGoProgram({ functions: functions(0), extraData: 500 }));
  const new_ = Buffer.from(tinyGoProgram({ functions: functions(9), extraData: 500 }));

  it('is not asked where it fits: a Go program is made the Go way or a smaller one', async () => {
    const made = await deltaBetween(old, new_);
    expect(made.applied.equals(new_)).toBe(true);
    expect(made.parts[0]?.tried.some((tried) => tried.method === 'go' && 'length' in tried)).toBe(true);
  });

  it('leaves a Go program with broken tables to the others, whichever byte is broken', async () => {
    const step = Math.ceil(new_.length / 24);
    for (let at = 3; at < new_.length; at += step) {
      const broken = Buffer.from(new_);
      broken.fill(0xff, at, at + 8);
      for (const [a, b] of [
        [old, broken],
        [broken, new_],
      ] as const) {
        const made = await deltaBetween(a, b);
        expect(made.applied.equals(b)).toBe(true);
        expect(made.givenUp).toEqual([]);
      }
    }
  });

  /** Runs the real encoder, then spoils what a method made. */
  const spoiling = (spoiled: readonly string[]): PartEncoders => ({
    ...ownEncoders,
    async encode(task) {
      const code = await encodePart(task);
      if (!spoiled.includes(code.method)) return code;
      const { readFileSync, writeFileSync } = await import('node:fs');
      const bytes = readFileSync(task.outFile);
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 0x55;
      bytes[code.tablesLength + 4] = (bytes[code.tablesLength + 4] ?? 0) ^ 1;
      writeFileSync(task.outFile, bytes);
      return code;
    },
  });

  it('is found out by the proof, and another takes its part', async () => {
    const pair = [program(1), edited(program(1), 30)] as const;
    const made = await deltaBetween(...pair, { encoders: spoiling(['approximate']) });
    expect(made.applied.equals(pair[1])).toBe(true);
    expect(made.parts[0]?.method).not.toBe('approximate');
    expect(made.givenUp).toEqual([expect.stringContaining('by approximate')]);
    expect(made.said.join()).toContain('not reproducible');
  });

  it('in small parts costs those parts only', async () => {
    const shape = shapes.k3s as (release: 'old' | 'new') => Buffer;
    const encoders: PartEncoders = {
      ...ownEncoders,
      encode: (task) => (task.new.length < 10_000 ? spoiling(['approximate']) : ownEncoders).encode(task, 0),
    };
    const made = await deltaBetween(shape('old'), shape('new'), { encoders });
    expect(made.applied.equals(shape('new'))).toBe(true);
    expect(made.strategy).toBe('opened');
    expect(made.givenUp.length).toBeGreaterThan(0);
    for (const line of made.givenUp) expect(line).toContain('by approximate');
  });

  const found = findXdelta3();
  it.skipIf(found.kind !== 'available')('that dies leaves its part to VCDIFF', async () => {
    const encoders = { ...ownEncoders, encode: () => Promise.reject(new Error('out of memory')) };
    const vcdiff = found.kind === 'available' ? found.encoder : undefined;
    const pair = [program(1), edited(program(1), 30)] as const;
    const made = await deltaBetween(...pair, { encoders, vcdiff });
    expect(made.applied.equals(pair[1])).toBe(true);
    expect(made.parts).toMatchObject([{ method: 'vcdiff' }]);
  });

  it('that dies, with no other at hand, leaves its part as it is', async () => {
    const encoders = { ...ownEncoders, encode: () => Promise.reject(new Error('out of memory')) };
    const made = await deltaBetween(old, new_, { encoders });
    expect(made.applied.equals(new_)).toBe(true);
    expect(made.parts).toMatchObject([{ method: 'stored' }]);
  });
});
