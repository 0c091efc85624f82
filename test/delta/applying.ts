/** Applies deltas in memory, with parts that outlive a run and a base that tells of every read outside of it. */

import { applyDelta, type PartFile, type PartFiles } from '../../delta/apply.ts';
import type { ByteSource } from '../../delta/byte-source.ts';
import { memorySource } from '../../delta/byte-source.ts';
import { openDelta } from '../../delta/open-delta.ts';
import { libzstdEncoder } from '../../delta/recipe/libzstd.ts';

/** Part files in memory. */
export class PartShelf implements PartFiles {
  readonly whole = new Map<string, Buffer>();
  /** Names in the order in which they were begun. */
  readonly begun: string[] = [];

  finished(name: string, length: number): ByteSource | undefined {
    const bytes = this.whole.get(name);
    return bytes?.length === length ? memorySource(bytes) : undefined;
  }

  begin(name: string): PartFile {
    this.begun.push(name);
    const pieces: Buffer[] = [];
    return {
      sink: { write: (chunk) => void pieces.push(Buffer.from(chunk)) },
      finish: () => {
        const bytes = Buffer.concat(pieces);
        this.whole.set(name, bytes);
        return memorySource(bytes);
      },
      discard: () => undefined,
    };
  }
}

/** Throws a plain Error, which no reader of a delta may let through, for a read that leaves the file. */
export function guarded(bytes: Uint8Array): ByteSource {
  return {
    length: bytes.length,
    readInto(target, offset) {
      if (!Number.isInteger(offset) || offset < 0 || offset + target.length > bytes.length) {
        throw new Error(`a read of ${target.length} bytes at ${offset} of ${bytes.length}`);
      }
      target.set(bytes.subarray(offset, offset + target.length));
    },
  };
}

export interface ApplyOptions {
  readonly shelf?: PartShelf;
  readonly checkStopped?: () => void;
  readonly onPart?: (index: number) => void;
}

/** The target; `maxWritten` is what a forged delta may put out at most. */
export async function applied(base: Uint8Array, delta: Uint8Array, options: ApplyOptions = {}): Promise<Buffer> {
  const source = guarded(delta);
  const opened = openDelta(source);
  const pieces: Buffer[] = [];
  let written = 0;
  const sink = {
    write(chunk: Uint8Array) {
      written += chunk.length;
      if (written > opened.layout.target.length) throw new Error('more bytes than the target has');
      pieces.push(Buffer.from(chunk));
    },
  };
  await applyDelta(guarded(base), source, opened, sink, {
    files: options.shelf ?? new PartShelf(),
    scratch: () => scratchInMemory(),
    encoder: libzstdEncoder(),
    ...(options.onPart ? { onPart: options.onPart } : {}),
    ...(options.checkStopped ? { checkStopped: options.checkStopped } : {}),
  });
  return Buffer.concat(pieces);
}

function scratchInMemory() {
  const pieces: Buffer[] = [];
  return {
    sink: { write: (chunk: Uint8Array) => void pieces.push(Buffer.from(chunk)) },
    source: () => memorySource(Buffer.concat(pieces)),
    close: () => undefined,
  };
}
