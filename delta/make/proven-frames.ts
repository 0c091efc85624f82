/**
 * Remembers which zstd frames of a target were written again while it was opened, byte for byte. What proves a delta takes such a
 * frame from there when the same content comes with the same settings: an encoder writes the same bytes a second time.
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Digest } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import type { ByteConsumer, ZstdEncoder, ZstdEncoding } from '../recipe/ports.ts';
import type { ZstdSettings } from '../recipe/zstd-settings.ts';
import type { FileRange } from './file-source.ts';

export interface ProvenFrame {
  readonly settings: ZstdSettings;
  /** Of the content. */
  readonly contentLength: number;
  readonly contentSha256: Digest;
  /** Of the artifact, which is open. */
  readonly frame: FileRange;
}

/** @param encoder writes every other frame */
export function withProvenFrames(frames: readonly ProvenFrame[], encoder: ZstdEncoder): ZstdEncoder {
  return {
    versions: encoder.versions,
    encode(settings, contentLength, frameLength, sink) {
      const known = frames.filter(
        (each) =>
          each.contentLength === contentLength &&
          each.frame.length === frameLength &&
          isDeepStrictEqual(each.settings, settings),
      );
      if (known.length === 0) return encoder.encode(settings, contentLength, frameLength, sink);
      return new RememberedEncoding(known, sink);
    },
  };
}

class RememberedEncoding implements ZstdEncoding {
  readonly #known: readonly ProvenFrame[];
  readonly #sink: ByteConsumer;
  readonly #hash = createHash('sha256');

  constructor(known: readonly ProvenFrame[], sink: ByteConsumer) {
    this.#known = known;
    this.#sink = sink;
  }

  write(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  async finish(): Promise<void> {
    const found = this.#hash.digest('hex');
    const proven = this.#known.find(({ contentSha256 }) => contentSha256 === found);
    if (!proven) {
      throw new SlipwayError(
        'recipe-not-reproducible',
        `expected the content of a frame of the target, found ${found}`,
      );
    }
    for (const chunk of proven.frame.chunks()) await this.#sink(chunk);
  }

  settle(): void {}

  close(): void {}
}
