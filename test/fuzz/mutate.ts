/** Makes damaged documents out of valid ones, the same for the same seed. */

export type Chance = () => number;

/** mulberry32. @returns numbers in [0, 1) */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const words = [
  ...[
    '-1',
    '0',
    '1e309',
    '9007199254740993',
    '4294967296',
    '0.5',
    'null',
    'true',
    '[]',
    '{}',
    '""',
    '"__proto__"',
    '"../.."',
  ],
  ...['\0', '\u{1f4a9}', '[[[[', '"', '\\', ',', '*', '&a', '!!binary', '-', '%', '\n', '/', '#'],
];
/** Lengths that are too large, as VCDIFF and deltas write them: seven bits a byte, the highest first (RFC 3284, 2). */
const longLengths = ['84807f', '8fffffff7f', 'ffffffffffffff7f'].map((hex) => Buffer.from(hex, 'hex'));
const extremes = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff];

type Change = (bytes: Buffer, chance: Chance, other: Uint8Array) => Buffer;
const at = (chance: Chance, length: number) => Math.floor(chance() * Math.max(length, 1));
const range = (chance: Chance, length: number) => {
  const start = at(chance, length);
  return [start, start + 1 + at(chance, Math.min(length - start, 64))] as const;
};

const changes: readonly Change[] = [
  (bytes, chance) => {
    const position = at(chance, bytes.length);
    bytes[position] = (bytes[position] ?? 0) ^ (1 << at(chance, 8));
    return bytes;
  },
  (bytes, chance) => {
    bytes[at(chance, bytes.length)] = extremes[at(chance, extremes.length)] ?? 0;
    return bytes;
  },
  (bytes, chance) => bytes.subarray(0, at(chance, bytes.length)),
  (bytes, chance) => {
    const [start, end] = range(chance, bytes.length);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  },
  (bytes, chance) => {
    const [start, end] = range(chance, bytes.length);
    const times = 1 + at(chance, 20);
    return Buffer.concat([
      bytes.subarray(0, start),
      ...Array(times).fill(bytes.subarray(start, end)),
      bytes.subarray(end),
    ]);
  },
  (bytes, chance) => {
    const place = at(chance, bytes.length);
    const word = Buffer.from(words[at(chance, words.length)] ?? '');
    return Buffer.concat([bytes.subarray(0, place), word, bytes.subarray(place)]);
  },
  (bytes, chance) => {
    const place = at(chance, bytes.length);
    const length = longLengths[at(chance, longLengths.length)] ?? Buffer.alloc(0);
    return Buffer.concat([bytes.subarray(0, place), length, bytes.subarray(place + 1)]);
  },
  (bytes, chance) => numberChanged(bytes, chance),
  (bytes, chance, other) => {
    const [start, end] = range(chance, other.length);
    const place = at(chance, bytes.length);
    return Buffer.concat([bytes.subarray(0, place), other.subarray(start, end), bytes.subarray(place + end - start)]);
  },
];

/** Puts a word in place of a number or a text of JSON or YAML. */
function numberChanged(bytes: Buffer, chance: Chance): Buffer {
  const found = [...bytes.toString('latin1').matchAll(/"[^"\n]{0,80}"|\b\d+\b/g)];
  const one = found[at(chance, found.length)];
  if (one === undefined) return bytes;
  const word = Buffer.from(words[at(chance, words.length)] ?? '');
  return Buffer.concat([bytes.subarray(0, one.index), word, bytes.subarray(one.index + one[0].length)]);
}

/** One to four changes of one of the samples. */
export function mutated(samples: readonly Uint8Array[], chance: Chance): Buffer {
  const pick = () => samples[at(chance, samples.length)] ?? new Uint8Array();
  let bytes: Buffer = Buffer.from(pick());
  for (let left = 1 + at(chance, 4); left > 0; left--) {
    bytes = Buffer.from(changes[at(chance, changes.length)]?.(bytes, chance, pick()) ?? bytes);
  }
  return bytes;
}
