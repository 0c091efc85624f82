import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeflateSettings } from '../../../../delta/flate/encoder.ts';
import { archived, cpioed, elf, gzipped, tarred, zipped, zstandard } from '../../../corpus/containers.ts';
import { type SampleKind, sampleBytes, sampleKinds } from '../../../corpus/flate/sample-bytes.ts';
import { type OpenedBytes, openBytes } from './opened.ts';

const go9: DeflateSettings = { encoder: 'go', level: 9 };
const go6: DeflateSettings = { encoder: 'go', level: 6 };

function program(seed: number, length = 60_000): Buffer {
  return elf(sampleBytes('records', length, seed));
}

/** Parts without the framing, by label. */
function files(opened: OpenedBytes): Record<string, Buffer> {
  return Object.fromEntries(opened.labels.map((label, i) => [label, opened.parts[i] ?? Buffer.alloc(0)]));
}

function expectProved(opened: OpenedBytes, artifact: Uint8Array): void {
  expect(opened.rebuilt.equals(artifact)).toBe(true);
  expect(opened.takenApart.map((part, i) => part.equals(opened.parts[i] ?? part.subarray(1)))).toEqual(
    opened.parts.map(() => true),
  );
  expect(opened.left).toEqual([]);
}

describe('opening an artifact', () => {
  it('finds the programs in a k3s-shaped file: a tar.zst embedded in an ELF, which stays one part', async () => {
    const [k3s, containerd] = [program(1), program(2, 90_000)];
    const tar = tarred([
      { name: 'bin/.links', bytes: Buffer.from('k3s bin/ctr\n') },
      { name: 'bin/containerd', bytes: containerd },
      { name: 'bin/k3s', bytes: k3s },
    ]);
    const frame = zstandard(tar, { level: 16, windowLog: 25, longDistance: true, workers: 2 });
    const stub = sampleBytes('records', 9000, 3);
    const artifact = elf(Buffer.concat([stub.subarray(0, 5000), frame, stub.subarray(5000)]));
    const opened = await openBytes(artifact);
    expectProved(opened, artifact);
    expect(opened.labels).toEqual([
      'artifact',
      '(framing)',
      'artifact@5120#zstd/bin/containerd',
      'artifact@5120#zstd/bin/k3s',
    ]);
    expect(opened.parts[0]).toEqual(elf(stub).fill(artifact.subarray(96, 104), 96, 104));
    expect(opened.parts[2]?.equals(containerd)).toBe(true);
  });

  it('finds the programs in a k0s-shaped file: a ZIP behind an ELF', async () => {
    const [base, kubelet, etcd] = [program(4), program(5), program(6)];
    const members = [
      { name: 'bin/etcd', bytes: etcd },
      { name: 'bin/kubelet', bytes: kubelet },
    ];
    const artifact = Buffer.concat([base, zipped(members, go9)]);
    const opened = await openBytes(artifact);
    expectProved(opened, artifact);
    expect(files(opened)).toMatchObject({
      artifact: base,
      'artifact/bin/etcd': etcd,
      'artifact/bin/kubelet': kubelet,
    });
  });

  it('finds the programs in an older k0s-shaped file: gzip streams one after the other behind an ELF', async () => {
    const [base, kubelet, etcd] = [program(7), program(8), program(9)];
    const artifact = Buffer.concat([base, gzipped(kubelet, go9), gzipped(etcd, go9)]);
    const opened = await openBytes(artifact);
    expectProved(opened, artifact);
    expect(opened.parts.map((part) => part.length)).toEqual([base.length, 36, kubelet.length, etcd.length]);
    expect(opened.parts[3]?.equals(etcd)).toBe(true);
  });

  it.each([
    ['.tar', (tar: Buffer) => tar],
    ['.tar.gz by pigz', (tar: Buffer) => gzipped(tar, { encoder: 'pigz', level: 6 })],
    ['.tar.gz by GNU gzip', (tar: Buffer) => gzipped(tar, { encoder: 'gzip', level: 6 })],
    ['.tgz by npm', (tar: Buffer) => gzipped(tar, { encoder: 'chromium', level: 9 })],
    ['.tar.gz by zlib', (tar: Buffer) => gzipped(tar, { encoder: 'zlib', level: 6 })],
    ['.tar.zst', (tar: Buffer) => zstandard(tar, { level: 3 })],
  ])('goes through the gzip layers of an airgap %s down to the files', async (_, wrap) => {
    const [pause, server] = [program(10), program(11)];
    const layers = [pause, server].map((bytes) => gzipped(tarred([{ name: 'usr/bin/app', bytes }]), go6));
    const artifact = wrap(
      tarred([
        ...layers.map((bytes, i) => ({ name: `blobs/sha256/${i}`, bytes })),
        { name: 'index.json', bytes: Buffer.from('{}') },
      ]),
    );
    const opened = await openBytes(artifact);
    expectProved(opened, artifact);
    const apps = opened.labels.filter((label) => label.endsWith('#gzip/usr/bin/app'));
    expect(apps).toHaveLength(2);
    expect(files(opened)[apps[1] ?? '']?.equals(server)).toBe(true);
    expect(opened.unopened).toEqual([]);
  });

  it('finds the files in a Debian package: tarballs in an ar archive, those that no encoder writes again closed', async () => {
    const app = program(14);
    const tar = tarred([{ name: './usr/bin/app', bytes: app }]);
    const other = sampleBytes('noise', 40_001, 15);
    const artifact = archived([
      { name: 'debian-binary', bytes: Buffer.from('2.0\n') },
      { name: 'control.tar.xz', bytes: other },
      { name: 'data.tar.zst', bytes: zstandard(tar, { level: 19 }) },
    ]);
    const opened = await openBytes(artifact);
    expectProved(opened, artifact);
    expect(opened.labels).toEqual(['(framing)', 'artifact/control.tar.xz', 'artifact/data.tar.zst#zstd/./usr/bin/app']);
    expect(opened.parts[2]?.equals(app)).toBe(true);
  });

  it('finds the files in an initramfs: an early archive, zeros, and a compressed one behind it', async () => {
    const [microcode, init, module] = [program(17), program(18), program(19)];
    const early = cpioed([{ name: 'kernel/x86/microcode/AuthenticAMD.bin', bytes: microcode }]);
    const main = cpioed([
      { name: 'init', bytes: init },
      { name: 'etc/hostname', bytes: Buffer.from('edge') },
      { name: 'lib/modules/overlay.ko', bytes: module },
    ]);
    for (const wrapped of [main, gzipped(main, { encoder: 'gzip', level: 9 }), zstandard(main, { level: 19 })]) {
      const artifact = Buffer.concat([early, Buffer.alloc(512 - (early.length % 512)), wrapped]);
      const opened = await openBytes(artifact);
      expectProved(opened, artifact);
      const names = opened.labels.map((label) => label.replace(/^.*[@#]/, ''));
      expect(names.filter((label) => label.endsWith('/init'))).toHaveLength(1);
      expect(opened.parts.some((part) => part.equals(microcode))).toBe(true);
      expect(opened.parts.some((part) => part.equals(init))).toBe(true);
      expect(opened.parts.some((part) => part.equals(module))).toBe(true);
    }
  });

  it('keeps a stream that no known encoder writes as a part, and says so', async () => {
    const stream = gzipped(program(12, 200_000), go9);
    // Another valid way to begin the same stream: an empty stored block.
    const foreign = Buffer.concat([stream.subarray(0, 10), Buffer.from([0, 0, 0, 0xff, 0xff]), stream.subarray(10)]);
    const opened = await openBytes(foreign);
    expectProved(opened, foreign);
    expect(opened.unopened).toEqual([{ label: 'artifact#gzip', reason: 'encoder-unknown' }]);
  });

  it('opens such a stream all the same in a base, which is only taken apart', async () => {
    const app = program(12, 200_000);
    const stream = gzipped(app, go9);
    const foreign = Buffer.concat([stream.subarray(0, 10), Buffer.from([0, 0, 0, 0xff, 0xff]), stream.subarray(10)]);
    const opened = await openBytes(foreign, { purpose: 'base' });
    expect(opened.unopened).toEqual([]);
    expect(opened.parts[1]?.equals(app)).toBe(true);
    expect(opened.takenApart).toEqual(opened.parts);
  });

  it('leaves a bomb closed, and says so', async () => {
    const content = Buffer.concat([sampleBytes('noise', 40_000, 1), Buffer.alloc(64 * 1024 * 1024)]);
    for (const bomb of [zstandard(content, { level: 1 }), gzipped(content, go6)]) {
      const artifact = Buffer.concat([program(13), bomb]);
      const opened = await openBytes(artifact, { maxOpenedBytes: 4 * 1024 * 1024 });
      expectProved(opened, artifact);
      expect(opened.unopened.map(({ reason }) => reason)).toEqual(['too-large']);
      expect(Buffer.concat(opened.parts).length).toBe(artifact.length);
    }
  });

  it('stops at containers nested deeper than a recipe may be', async () => {
    let artifact: Buffer = Buffer.from(sampleBytes('noise', 50_000, 14));
    for (let depth = 0; depth < 12; depth++) artifact = gzipped(artifact, { encoder: 'go', level: 0 });
    const opened = await openBytes(artifact);
    expectProved(opened, artifact);
    expect(opened.unopened.map(({ reason }) => reason)).toEqual(['too-deep']);
  });

  it('takes a ZIP whose members overlap for plain bytes', async () => {
    const zip = zipped(
      [
        { name: 'a', bytes: program(15) },
        { name: 'b', bytes: program(16) },
      ],
      go9,
    );
    const directory = zip.readUInt32LE(zip.length - 6);
    zip.writeUInt32LE(0, directory + 47 + 42);
    const opened = await openBytes(zip);
    expectProved(opened, zip);
    expect(opened.labels).toEqual(['artifact']);
  });
});

/** Random bytes of one kind, or a container with containers in it. */
const nested = fc.letrec<{ bytes: Buffer }>((tie) => {
  const settings = fc.oneof(
    fc.record({ encoder: fc.constant('go' as const), level: fc.integer({ min: -2, max: 9 }) }),
    fc.record({
      encoder: fc.constantFrom('zlib' as const, 'pigz' as const, 'gzip' as const, 'chromium' as const),
      level: fc.integer({ min: 1, max: 9 }),
    }),
  );
  const members = fc
    .array(tie('bytes') as fc.Arbitrary<Buffer>, { maxLength: 3 })
    .map((all) => all.map((bytes, i) => ({ name: `f${i}`, bytes })));
  return {
    bytes: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc
        .tuple(fc.constantFrom<SampleKind>(...sampleKinds), fc.nat({ max: 150_000 }), fc.nat({ max: 1000 }))
        .map(([kind, length, seed]) => Buffer.from(sampleBytes(kind, length, seed))),
      fc.tuple(tie('bytes') as fc.Arbitrary<Buffer>, settings).map(([bytes, chosen]) => gzipped(bytes, chosen)),
      fc
        .tuple(tie('bytes') as fc.Arbitrary<Buffer>, fc.integer({ min: 1, max: 9 }), fc.boolean(), fc.boolean())
        .map(([bytes, level, checksum, longDistance]) => zstandard(bytes, { level, checksum, longDistance })),
      members.map(tarred),
      fc
        .tuple(members, fc.constantFrom('070701' as const, '070702' as const))
        .map(([all, magic]) => cpioed(all, magic)),
      fc.tuple(members, fc.oneof(settings, fc.constant('stored' as const))).map(([all, how]) => zipped(all, how)),
      (tie('bytes') as fc.Arbitrary<Buffer>).map(elf),
      fc
        .tuple(tie('bytes') as fc.Arbitrary<Buffer>, tie('bytes') as fc.Arbitrary<Buffer>)
        .map((two) => Buffer.concat(two)),
    ),
  };
}).bytes as fc.Arbitrary<Buffer>;

describe('any artifact', () => {
  it('is rebuilt to the byte from its parts', async () => {
    await fc.assert(
      fc.asyncProperty(nested, async (artifact) => {
        expectProved(await openBytes(artifact), artifact);
      }),
      { numRuns: 60 },
    );
  });

  it('opens and is rebuilt also when bytes of it are damaged or cut off', async () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(nested, damage, fc.nat(), async (whole, flips, cut) => {
        const artifact = Buffer.from(whole.subarray(0, whole.length - (cut % 3 === 0 ? cut % (whole.length + 1) : 0)));
        for (const [at, bits] of flips) {
          if (artifact.length > 0) artifact[at % artifact.length] = (artifact[at % artifact.length] ?? 0) ^ bits;
        }
        expectProved(await openBytes(artifact), artifact);
      }),
      { numRuns: 60 },
    );
  });
});
