/** Opens a zstd frame (RFC 8878): a target's only where an encoder at hand writes it again. */
import { digestOf } from '../../chunks.ts';
import { unknownEncoder } from '../../recipe/recipe.ts';
import type { FileRange } from '../file-source.ts';
import { unpackZstd } from './inflate.ts';
import { inStream, type Opened, type Opening, type Place } from './opening.ts';
import { readZstdFrame, zstdMagic } from './zstd-frame.ts';
import { findZstdSettings } from './zstd-probe.ts';

export function isZstd(range: FileRange): boolean {
  return range.read(0, zstdMagic.length).equals(zstdMagic);
}

export async function openZstd(
  range: FileRange,
  { label, depth, minLength }: Place,
  opening: Opening,
): Promise<Opened | undefined> {
  const frame = readZstdFrame(range, 0);
  if (frame === undefined || frame.length < minLength) return undefined;
  const compressed = range.slice(0, frame.length);
  const unpacked = await unpackZstd(compressed, opening.spool);
  if (unpacked === 'malformed') return undefined;
  if (unpacked === 'too-large') return opening.keep(compressed, label, unpacked);
  const refused = opening.refusal(inStream(depth));
  if (refused !== undefined) return opening.keep(compressed, label, refused);
  const settings =
    opening.purpose === 'base'
      ? unknownEncoder
      : await findZstdSettings(unpacked.content, compressed, frame, opening.zstd);
  if (settings === undefined) return opening.keep(compressed, label, 'encoder-unknown');
  if (settings.encoder === 'libzstd') {
    const { content } = unpacked;
    const of = { contentLength: content.length, contentSha256: digestOf(content) };
    opening.frames.push({ settings, ...of, frame: compressed });
  }
  opening.count(1);
  const pieces = await opening.inside(unpacked.content, `${label}#zstd`, inStream(depth));
  return { pieces: [{ kind: 'zstd', settings, length: compressed.length, pieces }], length: compressed.length };
}
