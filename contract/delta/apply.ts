/**
 * Applies a delta: the base is taken apart, each new part made and proved, the target put together and compared with
 * its digest. The packager proves deltas with it and the device applies them with it. Where parts lie meanwhile, and
 * which machine's decoders and encoder do the rest, comes in through ports; what is finished survives an interruption
 * if the ports keep it.
 *
 * Order: old parts that lie in compressed streams are taken out; new parts are made in order of their numbers; then
 * the target is written from its first byte on.
 */
import { createHash } from 'node:crypto';
import type { ByteSink } from '../byte-sink.ts';
import type { ByteSource } from '../byte-source.ts';
import { SlipwayError } from '../errors.ts';
import { decodePart, type PartPorts } from './decode-part.ts';
import type { DeltaPart } from './directory.ts';
import { isOnePart, type OpenDelta } from './open-delta.ts';
import type { Decoders, PartReader, ZstdEncoder } from './recipe/ports.ts';
import { rebuildArtifact } from './recipe/rebuild.ts';
import { directPart, takeApart } from './recipe/take-apart.ts';

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
   * A part of that name and length that was finished before, in this run or an earlier one of the same delta.
   * Names are `old-N` and `new-N`.
   */
  finished(name: string, length: number): ByteSource | undefined;
  begin(name: string, length: number): PartFile;
}

export interface ApplyPorts extends Pick<PartPorts, 'scratch' | 'vcdiff' | 'zstd'> {
  readonly files: PartFiles;
  readonly decoders: Decoders;
  readonly encoder: ZstdEncoder;
  /** True when the base was compared with this digest already; else it is read once more to do so. */
  readonly baseIsProved?: boolean;
  /** A new part is there. */
  readonly onPart?: (index: number, part: DeltaPart) => void;
  /** Asked between parts and chunks; throws to stop. */
  readonly checkStopped?: () => void;
}

const readBytes = 256 * 1024;

/**
 * Writes the target to `sink`, in order.
 * @param delta the file that `opened` was read from
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
  proveBase(base, opened, ports);
  const oldParts = await layOutOldParts(base, opened, ports);
  const oldPart = (index: number): ByteSource => {
    const found = oldParts.get(index) ?? directPart(opened.base, base, index);
    if (found === undefined) throw new SlipwayError('delta-malformed', `expected an old part ${index}`);
    oldParts.set(index, found);
    return found;
  };
  const partPorts: PartPorts = { ...ports, oldPart };
  const newParts: ByteSource[] = [];
  const first = layout.parts[0];
  if (isOnePart(target) && first !== undefined && first.method !== 'copy') {
    await writeOnlyPart(delta, opened, first, sink, partPorts);
    ports.onPart?.(0, first);
    return;
  }
  for (const [index, part] of layout.parts.entries()) {
    ports.checkStopped?.();
    newParts.push(
      part.method === 'copy' ? oldPart(part.oldPart) : await makePart(index, part, delta, opened, ports, partPorts),
    );
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

function proveBase(base: ByteSource, { layout }: OpenDelta, ports: ApplyPorts): void {
  if (base.length !== layout.base.length) throw wrongBase(`${layout.base.length} bytes`, `${base.length}`);
  if (ports.baseIsProved === true) return;
  const hash = createHash('sha256');
  for (const chunk of chunksOf(base, 0, base.length)) {
    ports.checkStopped?.();
    hash.update(chunk);
  }
  const found = hash.digest('hex');
  if (found !== layout.base.sha256) throw wrongBase(`digest ${layout.base.sha256}`, found);
}

async function layOutOldParts(
  base: ByteSource,
  opened: OpenDelta,
  ports: ApplyPorts,
): Promise<Map<number, ByteSource>> {
  const parts = new Map<number, ByteSource>();
  const missing: number[] = [];
  for (const index of opened.takenOut) {
    const done = ports.files.finished(`old-${index}`, opened.oldLengths[index] ?? 0);
    if (done === undefined) missing.push(index);
    else parts.set(index, done);
  }
  if (missing.length === 0) return parts;
  const begun = new Map<number, PartFile>();
  try {
    for (const index of missing) begun.set(index, ports.files.begin(`old-${index}`, opened.oldLengths[index] ?? 0));
    const take = (part: number, bytes: Uint8Array) => {
      ports.checkStopped?.();
      begun.get(part)?.sink.write(bytes);
    };
    await takeApart(opened.base, base, take, ports.decoders);
    for (const [index, file] of begun) parts.set(index, file.finish());
  } catch (error) {
    for (const [index, file] of begun) if (!parts.has(index)) file.discard();
    throw error;
  }
  return parts;
}

async function makePart(
  index: number,
  part: Exclude<DeltaPart, { method: 'copy' }>,
  delta: ByteSource,
  { layout }: OpenDelta,
  { files, checkStopped }: ApplyPorts,
  ports: PartPorts,
): Promise<ByteSource> {
  const name = `new-${index}`;
  const done = files.finished(name, part.length);
  if (done !== undefined) return done;
  const section = layout.sections[index];
  if (section === undefined) throw new SlipwayError('internal', `no section ${index}`);
  const file = files.begin(name, part.length);
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

/** A target of one part goes to its place as it is made; its proof is that of the target, which the part must carry. */
async function writeOnlyPart(
  delta: ByteSource,
  { layout }: OpenDelta,
  part: Exclude<DeltaPart, { method: 'copy' }>,
  sink: ByteSink,
  ports: PartPorts,
): Promise<void> {
  if (part.sha256 !== layout.target.sha256) {
    throw new SlipwayError('delta-malformed', 'expected the only part to have the digest of the target');
  }
  const section = layout.sections[0];
  if (section === undefined) throw new SlipwayError('internal', 'no section 0');
  await decodePart(part, delta, section, sink, ports);
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
      for (const chunk of chunksOf(source, offset, length)) {
        ports.checkStopped?.();
        yield chunk;
      }
    },
  };
}

/** Each chunk is the same buffer again. */
function* chunksOf(source: ByteSource, offset: number, length: number): Iterable<Uint8Array> {
  const buffer = new Uint8Array(Math.min(readBytes, length));
  for (let done = 0; done < length; ) {
    const chunk = buffer.subarray(0, Math.min(buffer.length, length - done));
    source.readInto(chunk, offset + done);
    yield chunk;
    done += chunk.length;
  }
}

function wrongBase(expected: string, found: string): SlipwayError {
  return new SlipwayError('delta-base-mismatch', `expected a base of ${expected}, found ${found}`, {
    hint: 'The delta is for another release than the installed one.',
  });
}
