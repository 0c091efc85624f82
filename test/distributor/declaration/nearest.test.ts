import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearest, stepsBetween } from '../../../distributor/declaration/nearest.ts';

describe('the steps between two words', () => {
  it.each([
    ['', '', 0],
    ['lab', 'lab', 0],
    ['lab', 'labb', 1],
    ['lab', 'la', 1],
    ['lab', 'lob', 1],
    ['lab', 'alb', 1],
    ['kitten', 'sitting', 3],
    ['', 'abc', 3],
  ])('from "%s" to "%s" are %i', (one, other, steps) => {
    expect([stepsBetween(one, other), stepsBetween(other, one)]).toEqual([steps, steps]);
  });

  it('are none only between equal words, never more than letters, and the same with a bound that holds them', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 });
    fc.assert(
      fc.property(word, word, fc.nat(9), (one, other, most) => {
        const steps = stepsBetween(one, other);
        expect(steps === 0).toBe(one === other);
        expect(steps).toBeLessThanOrEqual(Math.max(one.length, other.length));
        if (steps <= most) expect(stepsBetween(one, other, most)).toBe(steps);
        else expect(stepsBetween(one, other, most)).toBeGreaterThan(most);
      }),
    );
  });
});

describe('the nearest word', () => {
  it('is that with the fewest steps, then the one that there is more of, then the first by name', () => {
    const words = new Map([
      ['north', 2],
      ['lac', 3],
      ['lad', 9],
      ['lae', 9],
    ]);
    expect(nearest('nort', words)).toBe('north');
    expect(nearest('lab', words)).toBe('lad');
    expect(nearest('x', new Map())).toBeUndefined();
  });

  it('is found among as many as a fleet has names, in a moment', () => {
    const names = new Map(Array.from({ length: 200_000 }, (_, i) => [`gate-${i}.plant-${i % 7}.example.com`, 1]));
    expect(nearest('gate-77777.plant-x.example.com', names)).toBe('gate-77777.plant-0.example.com');
  }, 20_000);
});
