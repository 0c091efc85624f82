/**
 * Gives the bytes of one component as a stream, from wherever the plan takes them. The slot checks whether they are
 * right.
 */

import type { Digest } from '../../contract/digest.ts';
import { SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import type { Blob } from '../../contract/release/manifest.ts';
import type { ByteSource } from '../../delta/byte-source.ts';
import { decodeVcdiff } from '../../delta/vcdiff/decode.ts';
import type { InstalledFile } from '../effects/installed-files.ts';
import type { World } from '../effects/world.ts';
import type { DownloadStore } from '../ports.ts';
import type { PlannedComponent } from '../update/plan.ts';
import { decompressZstdStream } from './decompress-zstd.ts';

export interface OpenedComponent {
  readonly content: AsyncIterable<Uint8Array>;
  close(): void;
}

const copyBytes = 1024 * 1024;

export function openComponent(
  { component, source }: PlannedComponent,
  files: ReadonlyMap<Digest, InstalledFile>,
  { downloads, slots, deltas, policy }: Pick<World, 'downloads' | 'slots' | 'deltas' | 'policy'>,
  signal: AbortSignal,
): OpenedComponent {
  if (source.kind === 'full') return { content: plain(source.blob, downloads), close: () => undefined };
  const file = files.get(source.from);
  if (!file) throw new SlipwayError('delta-base-mismatch', `no installed file has the sha256 ${source.from}`);
  const installed = blamingSlot(component.name, () => slots.open(file.slot, file.component));
  const close = () => installed.close();
  const readable: ByteSource = {
    length: installed.length,
    readInto: (target, offset) => blamingSlot(component.name, () => installed.readInto(target, offset)),
  };
  if (source.kind === 'copy') return { content: copy(readable), close };
  switch (source.delta.format) {
    case 'vcdiff':
      return { content: decodeVcdiff(readable, plain(source.delta, downloads), component.length), close };
    case 'slipway': {
      const { sha256, encoding } = source.delta;
      // It is compressed already, and is read by position.
      if (encoding !== 'identity') throw new SlipwayError('delta-malformed', `a Slipway delta wrapped as ${encoding}`);
      const paths = {
        base: slots.fileOf(file.slot, file.component),
        delta: downloads.fileOf(sha256),
        scratch: downloads.scratchOf(sha256),
      };
      return { content: deltas.apply(paths, policy.delta.maxMemoryBytes, signal), close };
    }
    default:
      throw source.delta satisfies never;
  }
}

/** An installed file that cannot be read is one to do without; the disk may be well otherwise. */
function blamingSlot<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const message = `the installed ${name} cannot be read: ${toSlipwayError(cause).message}`;
    throw new SlipwayError('slot-damaged', message, { cause });
  }
}

function plain(blob: Blob, downloads: DownloadStore): AsyncIterable<Uint8Array> {
  const bytes = downloads.read(blob.sha256);
  return blob.encoding === 'zstd' ? decompressZstdStream(bytes) : bytes;
}

async function* copy(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < source.length; offset += copyBytes) {
    const chunk = new Uint8Array(Math.min(copyBytes, source.length - offset));
    source.readInto(chunk, offset);
    yield chunk;
  }
}
