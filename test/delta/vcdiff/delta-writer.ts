/**
 * Writes VCDIFF deltas by hand, right and wrong ones: the parts of a window are given as bytes, their lengths are
 * computed unless a test states others.
 */

export function varint(value: number): number[] {
  const groups = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) groups.unshift((rest % 128) + 128);
  return groups;
}

export const magic = [0xd6, 0xc3, 0xc4, 0x00];
/** A header without any feature. */
export const plainHeader = [...magic, 0x00];

export interface HandMadeWindow {
  readonly source?: { readonly length: number; readonly position: number };
  readonly targetLength: number;
  readonly data?: readonly number[];
  readonly instructions?: readonly number[];
  readonly addresses?: readonly number[];
  readonly adler32?: number;
  /** Instead of the right one. */
  readonly indicator?: number;
  readonly deltaIndicator?: number;
  readonly encodingLength?: number;
  readonly lengths?: readonly [data: number, instructions: number, addresses: number];
}

export function windowOf(w: HandMadeWindow): number[] {
  const { data = [], instructions = [], addresses = [] } = w;
  const lengths = w.lengths ?? [data.length, instructions.length, addresses.length];
  const checksum = w.adler32 === undefined ? [] : [24, 16, 8, 0].map((shift) => ((w.adler32 ?? 0) >>> shift) & 255);
  const encoding = [
    ...varint(w.targetLength),
    w.deltaIndicator ?? 0,
    ...lengths.flatMap(varint),
    ...checksum,
    ...data,
    ...instructions,
    ...addresses,
  ];
  const indicator = w.indicator ?? (w.source ? 1 : 0) + (w.adler32 === undefined ? 0 : 4);
  const source = w.source ? [...varint(w.source.length), ...varint(w.source.position)] : [];
  return [indicator, ...source, ...varint(w.encodingLength ?? encoding.length), ...encoding];
}

/** A delta of these windows behind a header without any feature. */
export function deltaOf(...windows: readonly HandMadeWindow[]): Uint8Array {
  return Uint8Array.from([...plainHeader, ...windows.flatMap(windowOf)]);
}

export function ascii(text: string): number[] {
  return [...Buffer.from(text, 'latin1')];
}
