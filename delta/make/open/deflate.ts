/** Opens a raw DEFLATE stream (RFC 1951) that was unpacked: a target's only where a known encoder writes it again. */
import { unknownEncoder } from '../../recipe/recipe.ts';
import type { FileRange } from '../file-source.ts';
import { type Depth, inStream, type Opening } from './opening.ts';
import type { Piece } from './piece.ts';

/** @param depth of what the stream lies in */
export async function openDeflate(
  stream: FileRange,
  content: FileRange,
  label: string,
  depth: Depth,
  opening: Opening,
): Promise<readonly Piece[]> {
  const refused = opening.refusal(inStream(depth));
  if (refused !== undefined) return opening.keep(stream, label, refused).pieces;
  const settings = opening.purpose === 'base' ? unknownEncoder : opening.deflate.find(content, stream);
  if (settings === undefined) return opening.keep(stream, label, 'encoder-unknown').pieces;
  opening.count(1);
  const pieces = await opening.inside(content, label, inStream(depth));
  return [{ kind: 'deflate', settings, length: stream.length, pieces }];
}
