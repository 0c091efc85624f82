import { Targets } from '@tufjs/models';
import { describe, expect, it } from 'vitest';
import '../../../contract/trust/targets-in-one-pass.ts';

function role(count: number) {
  const target = (i: number) => ({ length: i, hashes: { sha256: 'a'.repeat(64) }, custom: { counter: i } });
  const targets = Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`p/linux-amd64/1.0.${i}/release.json`, target(i)]),
  );
  const head = { _type: 'targets', spec_version: '1.0.31', version: 3, expires: '2027-01-01T00:00:00Z' };
  return { ...head, targets, more: { kept: true } };
}

describe('a targets role', () => {
  it('is the same after it was read and written', () => {
    expect(Targets.fromJSON(role(3)).toJSON()).toEqual(role(3));
    expect(Targets.fromJSON(role(3)).targets['p/linux-amd64/1.0.2/release.json']?.length).toBe(2);
    const forged = JSON.parse(JSON.stringify(role(1)).replace('p/linux-amd64/1.0.0/release.json', '__proto__'));
    expect(Object.keys(Targets.fromJSON(forged).toJSON().targets as object)).toEqual(['__proto__']);
  });

  it.each([[7], [{ a: 7 }], [null]])('whose targets are %j is refused', (targets) => {
    expect(() => Targets.fromJSON({ ...role(0), targets } as never)).toThrow();
  });

  it('of 30,000 targets is read and written in a time that its length bounds', () => {
    const before = process.cpuUsage();
    const written = Targets.fromJSON(role(30_000)).toJSON();
    const { user, system } = process.cpuUsage(before);
    expect(Object.keys(written.targets as object)).toHaveLength(30_000);
    expect((user + system) / 1000).toBeLessThan(3000);
  });
});
