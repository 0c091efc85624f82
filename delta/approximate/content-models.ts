/** Codes a patch's content, alike bytes and own bytes, chunk by chunk at either end of the stream. */
import type { ModelStream } from './models.ts';
import type { ReferenceFamily } from './reference-family.ts';
import { ownLength, type Steps, stepFields } from './step.ts';

/** Bytes of a chunk, the longest stretch that is coded at once; references do not cross its ends. */
export const chunkBytes = 64 * 1024;

interface ContentShape {
  readonly oldLength: number;
  /** Virtual address of the old file's first byte, 0 when it has none. */
  readonly addressBase: number;
  /** Which references are predicted to move with their targets. */
  readonly family: ReferenceFamily;
  /** Size of the tables of statistics, see table-bits.ts. */
  readonly tableBits: number;
}

export class ContentModels {
  readonly #stream: ModelStream;

  constructor(stream: ModelStream, steps: Steps, { oldLength, addressBase, family, tableBits }: ContentShape) {
    this.#stream = stream;
    const { module } = stream;
    module.startReferences(family, oldLength, addressBase);
    let oldAt = 0;
    let newAt = 0;
    for (let i = 0; i < steps.length; i += stepFields) {
      const alike = steps[i + 1] as number;
      oldAt += steps[i] as number;
      module.movePages(oldAt, alike, newAt - oldAt);
      oldAt += alike;
      newAt += alike + (steps[i + 2] as number);
    }
    module.settlePages();
    module.startAlike(tableBits);
    module.startOwn(ownLength(steps));
  }

  /** Where the chunk of the old file is to be put before `codeAlike`; at most chunkBytes. */
  oldChunk(length: number): Uint8Array {
    return this.#stream.bytesAt('oldChunk', length);
  }

  /**
   * Codes the chunk that resembles the one in `oldChunk`.
   * @param actual what the encoder knows it to be
   * @returns it, until the next chunk
   */
  codeAlike(length: number, oldAt: number, newAt: number, actual?: Uint8Array): Uint8Array {
    const { module } = this.#stream;
    if (actual !== undefined) this.#stream.bytesAt('actualChunk', length).set(actual);
    module.codeAlikeChunk(length, oldAt, newAt);
    module.followChunk(length);
    return this.#stream.bytesAt('newChunk', length);
  }

  /** As codeAlike, for a chunk without a likeness. */
  codeOwn(length: number, actual?: Uint8Array): Uint8Array {
    if (actual !== undefined) this.#stream.bytesAt('actualChunk', length).set(actual);
    this.#stream.module.codeOwnChunk(length);
    return this.#stream.bytesAt('newChunk', length);
  }
}
