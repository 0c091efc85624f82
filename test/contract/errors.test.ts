/** The class of each code: whose fault it is when an attempt ends or waits with it. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorCodes, type Fault, faultOf, toSlipwayError } from '../../contract/errors.ts';

const root = path.resolve(import.meta.dirname, '../..');
const codes = Object.entries(errorCodes);

function of(fault: Fault | 'none'): string[] {
  return codes.filter(([, traits]) => traits.fault === fault).map(([code]) => code);
}

describe('what a system call throws', () => {
  it.each([
    ['ENOSPC', 'disk-full'],
    ['EDQUOT', 'disk-full'],
    ['EROFS', 'disk-read-only'],
    ['EIO', 'io-error'],
    ['ENOENT', 'internal'],
  ])('%s is told as %s, whoever did not catch it', (errno, code) => {
    const thrown = Object.assign(new Error(`${errno}: open`), { code: errno });
    expect(toSlipwayError(thrown)).toMatchObject({ code, cause: thrown });
    expect(toSlipwayError(thrown).hint?.includes('defect')).toBe(code === 'internal');
  });
});

describe('whose fault a code is', () => {
  it('is the release’s only where it ran here, or its program was asked, and did not work', () => {
    expect(of('release').sort()).toEqual([
      'health-lost',
      'health-timeout',
      'probation-interrupted',
      'program-broken',
      'release-rejected',
      'reverted-by-permit',
      'service-start-failed',
    ]);
  });

  it('is the path’s for whatever carries bytes, also where the bytes came and are wrong', () => {
    const carried = ['server-unreachable', 'download-stalled', 'server-refused', 'proxy-refused', 'tls-failed'];
    const wrong = ['blob-missing', 'length-mismatch', 'digest-mismatch', 'server-answer-invalid', 'delta-malformed'];
    for (const code of [...carried, ...wrong, 'forbidden', 'unauthenticated', 'rate-limited', 'overloaded'])
      expect(faultOf(code), code).toBe('path');
  });

  it('is the device’s for its disk, memory, permissions, clock, lock and trust store', () => {
    const own = ['disk-full', 'io-error', 'disk-read-only', 'memory-exceeded', 'permission-denied', 'not-executable'];
    for (const code of [...own, 'clock-wrong', 'already-running', 'trust-store-corrupt', 'slot-damaged', 'internal'])
      expect(faultOf(code), code).toBe('device');
  });

  it('is what the table says, whatever the device claims, and of an unknown code what the device claims', () => {
    expect(faultOf('disk-full', 'release')).toBe('device');
    expect(faultOf('from-the-future', 'path')).toBe('path');
    expect(faultOf('from-the-future')).toBe('device');
  });

  it('is known of every code that the device or the contract makes', () => {
    // A device never reads the address of a store.
    const files = [...filesBelow('edge-updater'), ...filesBelow('contract')].filter((file) => !/store-url/.test(file));
    const made = files.flatMap((file) => {
      const text = readFileSync(file, 'utf8');
      return [...text.matchAll(/new (?:SlipwayError|ServerBusy)\(\s*'([a-z0-9-]+)'/g)].map(([, code]) => code ?? '');
    });
    expect(made.length).toBeGreaterThan(50);
    const without = of('none');
    expect(made.filter((code) => without.includes(code))).toEqual([]);
  });
});

function filesBelow(folder: string): string[] {
  const found = readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' });
  return found.filter((name) => name.endsWith('.ts')).map((name) => path.join(root, folder, name));
}
