import { describe, expect, it } from 'vitest';
import { type MatchedPart, matchParts } from '../../../delta/make/match-parts.ts';

const part = (label: string, length = 50_000, sha256 = label): MatchedPart => ({ label, length, sha256 });
const never = () => {
  throw new Error('not expected');
};

describe('the match of parts', () => {
  it('copies the same bytes, whatever their name', () => {
    const matches = matchParts([part('old#zstd/a'), part('old#zstd/b', 9, 'x')], [part('new#zstd/c', 9, 'x')], never);
    expect(matches).toEqual([{ kind: 'copy', oldPart: 1 }]);
  });

  it('takes the same place first, whatever artifact, offset, digest and version it is under', () => {
    const olds = [part('a-1.2.3@77#zstd/bin/k3s'), part(`a-1.2.3/blobs/${'0'.repeat(64)}#gzip/bin/k3s`)];
    const news = [part(`a-1.2.4/blobs/${'f'.repeat(64)}#gzip/bin/k3s`), part('a-1.2.4@99#zstd/bin/k3s', 50_000, 'y')];
    expect(matchParts(olds, news, never)).toMatchObject([{ candidates: [1, 0] }, { candidates: [0, 1] }]);
  });

  it('takes the same name in another place, the closest size first', () => {
    const olds = [part('o/usr/bin/kubectl', 10_000), part('o/opt/kubectl', 60_000), part('o/usr/bin/runc')];
    expect(matchParts(olds, [part('n/bin/kubectl')], never)).toMatchObject([{ candidates: [1, 0], isNamed: true }]);
  });

  it('does not take a namesake of quite another size', () => {
    const match = matchParts([part('o/bin/k3s', 500)], [part('n/bin/k3s')], () => 0);
    expect(match).toEqual([{ kind: 'make', candidates: [], isNamed: false }]);
  });

  it('takes for a piece of a long part the old piece at its place, counted from one that did not change', () => {
    const pieces = (digests: string) =>
      [...digests].map((sha256, number): MatchedPart => {
        const of = 'k3s@7#zstd/bin/data';
        return { label: `${of}[${number}]`, piece: { of, number }, length: 9_000_000, sha256 };
      });
    const fromOf = (olds: string, news: string) =>
      matchParts(pieces(olds), pieces(news), never).map((match) =>
        match.kind === 'copy' ? match.oldPart : match.candidates[0],
      );
    expect(fromOf('abcd', 'axcd')).toEqual([0, 1, 2, 3]);
    expect(fromOf('abcd', 'xbcd')).toEqual([0, 1, 2, 3]);
    // Two came in before b, and what followed b changed.
    expect(fromOf('abcd', 'axybzd')).toEqual([0, 1, 2, 1, 2, 3]);
    expect(fromOf('0a0b0', '0a0x0')).toEqual([0, 1, 0, 3, 0]);
    expect(fromOf('ab', 'abxy')).toEqual([0, 1, 1, 1]);
  });

  it('asks for likeness where names fail, and takes the most alike', () => {
    const olds = [part('o/a'), part('o/b'), part('o/c')];
    const match = matchParts(olds, [part('n/z')], (_, old) => [0.3, 0.9, 0.001][old] ?? 0);
    expect(match).toEqual([{ kind: 'make', candidates: [1, 0], isNamed: false }]);
  });

  it('tries one only for a large part', () => {
    const olds = [part('o/x/k3s', 5e6), part('o/y/k3s', 6e6)];
    expect(matchParts(olds, [part('n/z/k3s', 5e6)], never)).toMatchObject([{ candidates: [0] }]);
  });
});
