import { constants, zstdCompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { sha256 } from '../../contract/digest.ts';
import { limits } from '../../contract/limits.ts';
import { type ByteSource, memorySource } from '../../delta/byte-source.ts';
import { decodePart, type PartPorts } from '../../delta/decode-part.ts';
import type { CopiedPart, DeltaPart } from '../../delta/directory.ts';
import { encodeApproximate } from '../../delta/make/approximate/encode.ts';
import { edited, numberedBytes } from './make/approximate/edited-bytes.ts';
import { deltaOf } from './vcdiff/delta-writer.ts';

type MadePart = Exclude<DeltaPart, CopiedPart>;

const oldPart = numberedBytes(5000, 21);
const newPart = edited(oldPart, [{ at: 0.4, remove: 30, insert: numberedBytes(44, 22) }]);
const proof = { length: newPart.length, sha256: sha256(newPart) };
const patch = encodeApproximate(oldPart, newPart);

const ports: PartPorts = {
  oldPart: () => memorySource(oldPart),
  scratch: () => {
    throw new Error('no Go part here');
  },
};

/** Decodes a part whose section is `data`, with something before it in the delta. */
async function decode(part: MadePart, data: Uint8Array): Promise<Buffer> {
  const delta = Buffer.concat([new Uint8Array(13), data]);
  const chunks: Buffer[] = [];
  const section = { offset: 13, length: data.length };
  await decodePart(part, memorySource(delta), section, { write: (chunk) => chunks.push(Buffer.from(chunk)) }, ports);
  return Buffer.concat(chunks);
}

test('makes a part by a patch, from a range, from a frame and from its own bytes', async () => {
  const none = new Uint8Array(0);
  const range = oldPart.subarray(700, 1900);
  const frame = zstdCompressSync(newPart);
  const made = await Promise.all([
    decode({ method: 'approximate', oldPart: 0, dataLength: patch.length, ...proof }, patch),
    decode({ method: 'zstd', dataLength: frame.length, ...proof }, frame),
    decode({ method: 'stored', dataLength: newPart.length, ...proof }, newPart),
    decode({ method: 'range', oldPart: 0, offset: 700, length: range.length, sha256: sha256(range) }, none),
  ]);
  expect(made.map((bytes) => sha256(bytes))).toEqual([proof.sha256, proof.sha256, proof.sha256, sha256(range)]);
});

test('makes a part by a frame that continues the old one', async () => {
  const frame = zstdCompressSync(newPart, { dictionary: oldPart });
  expect(frame.length).toBeLessThan(zstdCompressSync(newPart).length / 4);
  const part = { method: 'zstdPatch' as const, oldPart: 0, dataLength: frame.length, ...proof };
  expect(sha256(await decode(part, frame))).toBe(proof.sha256);
});

test('refuses a frame that continues more bytes than a device holds, before it reads them', async () => {
  const huge: ByteSource = {
    length: limits.maxZstdPatchBytes + 1,
    readInto() {
      throw new Error('read');
    },
  };
  const part = { method: 'zstdPatch' as const, oldPart: 0, dataLength: 1, ...proof };
  const section = { offset: 0, length: 1 };
  const sink = { write: () => undefined };
  await expect(
    decodePart(part, memorySource(patch), section, sink, { ...ports, oldPart: () => huge }),
  ).rejects.toMatchObject({ code: 'delta-malformed' });
});

test('refuses a part of another digest', async () => {
  const wrong = { ...proof, sha256: sha256(oldPart) };
  await expect(
    decode({ method: 'approximate', oldPart: 0, dataLength: patch.length, ...wrong }, patch),
  ).rejects.toMatchObject({ code: 'delta-part-mismatch' });
});

test('refuses a patch that makes another length before it writes a byte', async () => {
  const written: number[] = [];
  const part: MadePart = {
    method: 'approximate',
    oldPart: 0,
    dataLength: patch.length,
    ...proof,
    length: newPart.length + 1,
  };
  const sink = { write: (chunk: Uint8Array) => written.push(chunk.length) };
  await expect(
    decodePart(part, memorySource(patch), { offset: 0, length: patch.length }, sink, ports),
  ).rejects.toMatchObject({ code: 'delta-part-mismatch' });
  expect(written).toEqual([]);
});

test('refuses a range that leaves the old part', async () => {
  await expect(
    decode({ method: 'range', oldPart: 0, offset: 4000, length: 1001, sha256: proof.sha256 }, new Uint8Array(0)),
  ).rejects.toMatchObject({ code: 'delta-out-of-bounds' });
});

test.each([
  ['zstd', limits.maxZstdWindowLog],
  ['zstdPatch', limits.maxZstdPatchWindowLog],
] as const)('refuses a frame for method %s with a window above 2^%i', async (method, most) => {
  const framed = (windowLog: number) => {
    const frame = zstdCompressSync(newPart, { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } });
    // Window_Descriptor (RFC 8878, 3.1.1.1.2): the exponent above 10, then three bits of mantissa.
    frame[5] = (windowLog - 10) << 3;
    return frame;
  };
  const decoded = (frame: Uint8Array) => decode({ method, oldPart: 0, dataLength: frame.length, ...proof }, frame);
  expect(sha256(await decoded(framed(most)))).toBe(proof.sha256);
  await expect(decoded(framed(most + 1))).rejects.toMatchObject({ code: 'compression-window-too-large' });
});

test('makes a part by VCDIFF whose windows lie across the pieces that a delta is read in', async () => {
  // Windows shorter than the longest header: a reader that looks for one always reaches into the next piece.
  const bytes = numberedBytes(184_000, 23);
  const windows = Array.from({ length: 46_000 }, (_, i) => {
    return { targetLength: 4, data: [...bytes.subarray(4 * i, 4 * (i + 1))], instructions: [5] };
  });
  const delta = deltaOf(...windows);
  const whole = { length: bytes.length, sha256: sha256(bytes) };
  const made = await decode({ method: 'vcdiff', oldPart: 0, dataLength: delta.length, ...whole }, delta);
  expect(sha256(made)).toBe(whole.sha256);
});
