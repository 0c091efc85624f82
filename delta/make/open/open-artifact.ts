/**
 * Opens an artifact for a delta: its parts, laid out in files, and the recipe that puts it together again. The caller
 * disposes of it; until then parts can be read at any place.
 */
import { basename } from 'node:path';
import { limits } from '../../../contract/limits.ts';
import { libzstdEncoder } from '../../recipe/libzstd.ts';
import type { ZstdEncoder } from '../../recipe/ports.ts';
import type { Recipe } from '../../recipe/recipe.ts';
import { FileRange, openArtifactFile } from '../file-source.ts';
import type { ProvenFrame } from '../proven-frames.ts';
import { openWhole } from './open-whole.ts';
import type { Purpose, Unopened } from './opening.ts';
import { numberParts, type OpenedPart } from './parts.ts';
import { Spool } from './spool.ts';

export interface OpenedArtifact extends Disposable {
  /** In order of their numbers. */
  readonly parts: readonly OpenedPart[];
  readonly recipe: Recipe;
  /** Streams that no known encoder writes again, with their cost: they are diffed compressed. */
  readonly unopened: readonly Unopened[];
  /** Of a target: what need not be written once more to prove a delta. */
  readonly frames: readonly ProvenFrame[];
}

export interface OpenOptions {
  /**
   * What it is opened for, `target` by default. Opening a base is quick, but opens streams also where the target's were
   * not: so open the target first, and its base as a `target` too when the target has anything unopened.
   */
  readonly purpose?: Purpose;
  /** Where opened content is laid out; needs about the artifact's unpacked size. */
  readonly spoolParent?: string;
  /** What devices may have for writing zstd frames again; by default the libzstd of Node. */
  readonly zstd?: ZstdEncoder;
  readonly maxOpenedBytes?: number;
}

/**
 * Opens containers down to files of 32 KiB and more; smaller ones are in the framing, which is one part.
 * @param path of a file of any length; it stays open until the artifact is disposed of
 * @throws SlipwayError `component-unreadable`, `io-error`; never because of what the file holds: a file that opens to
 * too much is one part
 */
export async function openArtifact(path: string, options: OpenOptions = {}): Promise<OpenedArtifact> {
  const file = openArtifactFile(path);
  const whole = new FileRange(file);
  const spool = new Spool(options.maxOpenedBytes ?? limits.maxOpenedBytes, options.spoolParent);
  const zstd = options.zstd ?? libzstdEncoder();
  const dispose = () => {
    spool[Symbol.dispose]();
    file[Symbol.dispose]();
  };
  try {
    const opened = await openWhole(whole, basename(path), spool, zstd, options.purpose ?? 'target');
    const { pieces, unopened, frames } = opened;
    return { ...numberParts(pieces, spool), unopened, frames, [Symbol.dispose]: dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}
