/**
 * Applies a delta: takes the base apart, makes and proves each new part, puts the target together and compares its
 * digest. The packager proves deltas with it and the device applies them with it. The caller says by ports where parts
 * lie meanwhile and which encoders of zstd frames the machine has. Finished parts survive an interruption if the ports
 * keep them.
 *
 * Order: new parts that an earlier run left are proved again; old parts that the others need and that lie in compressed
 * streams are taken out; new parts are made in order of their numbers; then the target is written from its first byte
 * on.
 */

import { SlipwayError, toSlipwayError } from '../contract/errors.ts';
import { exitStatus } from '../contract/exit-status.ts';
import type { ByteSink } from './byte-sink.ts';
import type { ByteSource } from './byte-source.ts';
import { chunksOf, digestOf } from './chunks.ts';
import { decodePart, type PartPorts } from './decode-part.ts';
import type { DeltaPart } from './directory.ts';
import { openOldParts } from './old-parts.ts';
import { isDecoded, isOnePart, type OpenDelta } from './open-delta.ts';
import type { PartReader, ZstdEncoder } from './recipe/ports.ts';
import { rebuildArtifact } from './recipe/rebuild.ts';
import { sliceSource } from './slice-source.ts';

/** A part being written to the disk. */
export interface PartFile {
  readonly sink: ByteSink;
  /** Makes it last: from here on `finished` finds it, also after an interruption. */
  finish(): ByteSource;
  /** Frees it; called when it will not be finished. */
  discard(): void;
}

export interface PartFiles {
  /**
   * What an earlier run of the same delta finished under that name, `new-N`, if it is still there with that length.
   * Its bytes are not trusted.
   */
  finished(name: string, length: number): ByteSource | undefined;
  /** Names are `old-N` and `new-N`; an older file of that name goes. Thousands can be open at a time. */
  begin(name: string, length: number): PartFile;
}

export interface ApplyPorts extends Pick<PartPorts, 'scratch'> {
  readonly files: PartFiles;
  readonly encoder: ZstdEncoder;
  /** True when the base was compared with its digest already; else it is read once more where that is needed. */
  readonly baseIsProved?: boolean;
  /** A new part is there. */
  readonly onPart?: (index: number, part: DeltaPart) => void;
  /** Asked between parts and chunks; throws to stop. */
  readonly checkStopped?: () => void;
}

/**
 * Writes the target to `sink`, in order from the first byte to the last: `opened.layout.target.length` bytes.
 * @param base read by position, in order only where its digest is taken; at most `limits.maxComponentBytes`
 * @param delta the file that `opened` was read from
 * @param ports `opened.needs` says how many bytes of files they must have room for, and which versions of libzstd
 * @throws SlipwayError `delta-base-mismatch`, `delta-part-mismatch`, `recipe-not-reproducible` when the target comes
 *   out different, and what decoders and ports throw; bytes may have been written by then
 */
export async function applyDelta(
  base: ByteSource,
  delta: ByteSource,
  opened: OpenDelta,
  sink: ByteSink,
  ports: ApplyPorts,
): Promise<void> {
  const { layout, target } = opened;
  const only = layout.parts[0];
  if (isOnePart(target) && only !== undefined && only.method !== 'copy') {
    await writeOnlyPart(base, delta, opened, only, sink, ports);
    ports.onPart?.(0, only);
    return;
  }
  expectBaseLength(base, opened);
  proveBase(base, opened, ports);
  const left = partsLeft(opened, ports);
  const oldPart = await openOldParts(base, opened, wantedParts(layout.parts, left), ports);
  const partPorts: PartPorts = { ...ports, oldPart };
  const newParts: ByteSource[] = [];
  for (const [index, part] of layout.parts.entries()) {
    ports.checkStopped?.();
    if (part.method === 'copy') newParts.push(oldPart(part.oldPart));
    else newParts.push(left.get(index) ?? (await makePart(index, part, delta, opened, ports, partPorts)));
    ports.onPart?.(index, part);
  }
  const write = (bytes: Uint8Array) => sink.write(bytes);
  const rebuilt = await rebuildArtifact(target, reader(newParts, ports), write, { zstd: ports.encoder });
  if (rebuilt.length !== layout.target.length || rebuilt.sha256 !== layout.target.sha256) {
    throw new SlipwayError(
      'recipe-not-reproducible',
      `expected a target with digest ${layout.target.sha256}, found ${rebuilt.sha256}`,
    );
  }
}

function expectBaseLength(base: ByteSource, { layout }: OpenDelta): void {
  if (base.length !== layout.base.length) throw wrongBase(`${layout.base.length} bytes`, `${base.length}`);
}

function proveBase(base: ByteSource, { layout }: OpenDelta, ports: ApplyPorts): void {
  if (ports.baseIsProved === true) return;
  const found = digestOf(base, ports.checkStopped);
  if (found !== layout.base.sha256) throw wrongBase(`digest ${layout.base.sha256}`, found);
}

/** Parts that an earlier run decoded: those whose bytes are still the right ones. */
function partsLeft({ layout }: OpenDelta, { files, checkStopped }: ApplyPorts): Map<number, ByteSource> {
  const left = new Map<number, ByteSource>();
  for (const [index, part] of layout.parts.entries()) {
    if (!isDecoded(part)) continue;
    const found = files.finished(`new-${index}`, part.length);
    if (found !== undefined && digestOf(found, checkStopped) === part.sha256) left.set(index, found);
  }
  return left;
}

/** Old parts that are still to be read. */
function wantedParts(parts: readonly DeltaPart[], left: ReadonlyMap<number, unknown>): Set<number> {
  return new Set(parts.flatMap((part, index) => ('oldPart' in part && !left.has(index) ? [part.oldPart] : [])));
}

/** Bytes of the base or the delta are proved and stay where they are; others are decoded into a file. */
async function makePart(
  index: number,
  part: Exclude<DeltaPart, { method: 'copy' }>,
  delta: ByteSource,
  { layout }: OpenDelta,
  { files, checkStopped }: ApplyPorts,
  ports: PartPorts,
): Promise<ByteSource> {
  const section = layout.sections[index];
  if (section === undefined) throw new SlipwayError('internal', `no section ${index}`);
  if (!isDecoded(part)) {
    await decodePart(part, delta, section, { write: () => checkStopped?.() }, ports);
    if (part.method === 'range') return sliceSource(ports.oldPart(part.oldPart), part.offset, part.length);
    if (part.method === 'stored') return sliceSource(delta, section.offset, part.length);
    throw part satisfies never;
  }
  const file = files.begin(`new-${index}`, part.length);
  try {
    const sink: ByteSink = {
      write(chunk) {
        checkStopped?.();
        file.sink.write(chunk);
      },
    };
    await decodePart(part, delta, section, sink, ports);
  } catch (error) {
    file.discard();
    throw error;
  }
  return file.finish();
}

/**
 * A target of one part goes to its place as it is made; its proof is that of the target, which the part must carry. It
 * proves the base, too: only when something goes wrong is the base read once more, to tell what did.
 */
async function writeOnlyPart(
  base: ByteSource,
  delta: ByteSource,
  opened: OpenDelta,
  part: Exclude<DeltaPart, { method: 'copy' }>,
  sink: ByteSink,
  ports: ApplyPorts,
): Promise<void> {
  const { layout } = opened;
  if (part.sha256 !== layout.target.sha256) {
    throw new SlipwayError('delta-malformed', 'expected the only part to have the digest of the target');
  }
  const section = layout.sections[0];
  if (section === undefined) throw new SlipwayError('internal', 'no section 0');
  expectBaseLength(base, opened);
  try {
    const oldPart = await openOldParts(base, opened, wantedParts(layout.parts, new Map()), ports);
    await decodePart(part, delta, section, sink, { ...ports, oldPart });
  } catch (error) {
    if (toSlipwayError(error).exitStatus === exitStatus.untrusted) proveBase(base, opened, ports);
    throw error;
  }
}

/** Parts as streams, each read on from where its last piece ended. */
function reader(parts: readonly ByteSource[], ports: ApplyPorts): PartReader {
  const positions = new Map<number, number>();
  return {
    *read(part, length) {
      const source = parts[part];
      const offset = positions.get(part) ?? 0;
      if (source === undefined || offset + length > source.length) {
        throw new SlipwayError('recipe-malformed', `part ${part} ends before byte ${offset + length}`);
      }
      positions.set(part, offset + length);
      for (const chunk of chunksOf(sliceSource(source, offset, length))) {
        ports.checkStopped?.();
        yield chunk;
      }
    },
  };
}

function wrongBase(expected: string, found: string): SlipwayError {
  return new SlipwayError('delta-base-mismatch', `expected a base of ${expected}, found ${found}`, {
    hint: 'The delta is for another release than the installed one.',
  });
}
