import { describe, expect, it } from 'vitest';
import { type RollbackPolicy, rollbackPolicy } from '../../../contract/release/rollback-policy.ts';

const plain = (version: string) => ({ version });
const stating = (version: string, inside: string) => ({ version, distribution: { version: inside } });
type Released = { version: string; distribution?: { version: string }; onRollback?: RollbackPolicy };

describe('going back from a release', () => {
  it.each<[string, RollbackPolicy, Released, Released]>([
    ['within one minor version', 'keep-datastore', plain('1.33.9+k3s1'), plain('1.33.4+k3s1')],
    ['to another build of the same', 'keep-datastore', plain('v1.33.9+k3s2'), plain('1.33.9+k3s1')],
    ['over a minor version', 'restore-datastore', plain('1.34.1+k3s1'), plain('1.33.9+k3s1')],
    ['over a minor version of K0s', 'restore-datastore', plain('1.34.1+k0s.0'), plain('1.33.9+k0s.0')],
    ['over a major version', 'restore-datastore', plain('2.33.0+k3s1'), plain('1.33.9+k3s1')],
    ['by what is inside, whatever the product calls it', 'keep-datastore', inside('9.0.0', 33), inside('8.4.0', 33)],
    ['by what is inside, over a minor version', 'restore-datastore', inside('8.4.1', 34), inside('8.4.0', 33)],
    ['to a release that does not tell', 'restore-datastore', inside('8.4.1', 34), plain('8.4.0')],
    ['from a release that does not tell', 'restore-datastore', plain('8.4.1'), inside('8.4.0', 34)],
    ['where neither tells', 'restore-datastore', plain('2.0.0'), plain('1.0.0')],
    ['as the release says: refuse', 'refuse', { ...inside('2.0.0', 33), onRollback: 'refuse' }, inside('1.0.0', 33)],
    [
      'as it says: restore',
      'restore-datastore',
      { ...plain('1.1.0'), onRollback: 'restore-datastore' },
      plain('1.0.0'),
    ],
    [
      'as it says: keep',
      'keep-datastore',
      { ...inside('2.0.0', 34), onRollback: 'keep-datastore' },
      inside('1.0.0', 33),
    ],
  ])('%s: %s', (_, expected, from, to) => {
    expect(rollbackPolicy(from, to)).toBe(expected);
  });

  it('asks only the release that is left', () => {
    expect(rollbackPolicy(plain('1.1.0'), { ...plain('1.0.0'), onRollback: 'refuse' } as Released)).toBe(
      'restore-datastore',
    );
  });
});

function inside(version: string, minor: number): Released {
  return stating(version, `1.${minor}.2+k3s1`);
}
