import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../contract/digest.ts';
import { PrivateProducts } from '../../../distributor/catalog/private-products.ts';
import type { Release } from '../../../distributor/catalog/releases.ts';

const digestOf = (text: string) => sha256(new TextEncoder().encode(text));
const release = (product: string, ...blobs: string[]) =>
  ({ product, blobs: blobs.map(digestOf) }) as unknown as Release;
const own = { kind: 'private', products: ['own'] };

describe('metadata of a private product', () => {
  it.each([
    ['its role', 'own', own],
    ['a hash bin of it', 'own-0a-', own],
    ['the role of another product', 'other', { kind: 'open' }],
    ['a bin of a product whose name begins like it', 'own-app-0a-', { kind: 'open' }],
    ['what every device reads first', 'root', { kind: 'open' }],
  ])('is private, and %s is %#', (_what, role, ownership) => {
    expect(new PrivateProducts(['own']).ownershipOfRole(role)).toEqual(ownership);
  });

  it('is that of every product where all are private, and of no other role', () => {
    const all = new PrivateProducts(['*']);
    const open = ['root', 'targets', 'snapshot', 'timestamp', 'permits', 'offline'];
    expect(open.filter((role) => all.ownershipOfRole(role).kind !== 'open')).toEqual([]);
    expect(all.ownershipOfRole('any-ff-')).toEqual({ kind: 'private', products: ['any'] });
  });
});

describe('a blob', () => {
  const owners = new PrivateProducts(['own', 'too']).ownersOf([
    release('own', 'a', 'shared', 'among the private'),
    release('too', 'among the private'),
    release('other', 'b', 'shared'),
  ]);
  it.each([
    ['of a private product', 'a', own],
    ['of a public one', 'b', { kind: 'open' }],
    ['of both', 'shared', { kind: 'open' }],
    ['of two private ones', 'among the private', { kind: 'private', products: ['own', 'too'] }],
    ['of none', 'c', { kind: 'unnamed' }],
  ])('%s is theirs', (_what, text, ownership) => {
    expect(owners.ownershipOf(digestOf(text))).toEqual(ownership);
  });

  it('is open where nothing is private, and nobody looks whose it is', () => {
    expect(new PrivateProducts([]).ownersOf([release('own', 'a')]).ownershipOf(digestOf('z'))).toEqual({
      kind: 'open',
    });
  });
});

it('a name that the repository does not have is told', () => {
  expect(new PrivateProducts(['own', 'owm', '*']).unknownOf(['own'])).toEqual(['owm']);
});
