/**
 * Draws chance that is the same on every machine: numbers from a seed and the place where they are needed, in any
 * order. Only 32-bit integer arithmetic and the four basic operations are used, so no engine differs in the last bit.
 */

/** What a number is drawn for; each has numbers of its own. */
export const purposes = {
  phase: 1,
  poll: 2,
  site: 3,
  reach: 4,
  reachAt: 5,
  absence: 6,
  speed: 7,
  pace: 8,
  slow: 9,
  bad: 10,
  late: 11,
  lateAt: 12,
  failAt: 13,
  label: 14,
  speedOf: 15,
} as const;
type DrawPurpose = (typeof purposes)[keyof typeof purposes];

export class Seeded {
  readonly #high: number;
  readonly #low: number;

  /** @param seed a whole number, 0 to 2^53 - 1 */
  constructor(seed: number) {
    this.#high = Math.floor(seed / 2 ** 32) >>> 0;
    this.#low = seed >>> 0;
  }

  /** In [0, 1), a multiple of 2^-32; the same for the same arguments. */
  draw(purpose: DrawPurpose, device: number, nth = 0): number {
    let h = mix(0x9e3779b9, this.#low);
    h = mix(h, this.#high);
    h = mix(h, purpose);
    h = mix(h, device);
    h = mix(h, nth);
    h ^= h >>> 16;
    h = Math.imul(h, 0x85ebca6b);
    h ^= h >>> 13;
    h = Math.imul(h, 0xc2b2ae35);
    h ^= h >>> 16;
    return (h >>> 0) / 2 ** 32;
  }

  /** Around 1, skewed as sizes and speeds are: half of them below 1, two thirds in [0.57, 1.75], a few far off. */
  spread(purpose: DrawPurpose, device: number): number {
    let factor = 1;
    // The logarithm is a sum of eight draws, which is close to a normal distribution of deviation 0.56.
    for (let nth = 0; nth < 8; nth += 2) {
      factor *= (1 + this.draw(purpose, device, nth)) / (1 + this.draw(purpose, device, nth + 1));
    }
    return factor;
  }
}

/** 32 bits of a text, to draw by it. */
export function numberOf(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = mix(h, text.charCodeAt(i));
  return h >>> 0;
}

/** One round of MurmurHash3 (x86, 32 bit). */
function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  k = Math.imul(k, 0x1b873593);
  const h = hash ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}
