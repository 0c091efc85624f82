import { describe, expect, it } from 'vitest';
import type { Trouble } from '../../../contract/device-api/check.ts';
import type { Report } from '../../../contract/device-api/report.ts';
import { holderOf, lastReportOf, withFaults } from '../../../distributor/fleet/condition.ts';
import { report } from '../../fakes/fleet-facts.ts';

const since = '2026-01-01T00:00:00Z';
const soon = '2026-01-01T00:15:00Z';
const full: Trouble = { code: 'disk-full', fault: 'device', message: '48 MB free', since };
const running = (version: string) => ({ version, counter: 1, manifestSha256: '1'.repeat(64) });
const failed = (changes: Partial<Report>) => report(3, { phase: 'downloading', outcome: 'failed', ...changes });

const held = (told: { troubles?: Trouble[]; lastReport?: Report; version?: string }) =>
  holderOf({ troubles: told.troubles, lastReport: told.lastReport, current: running(told.version ?? '1.0.0') });

describe('what holds a device', () => {
  it.each<[string, Parameters<typeof held>[0], object | undefined]>([
    ['nothing, before its first report', {}, undefined],
    ['nothing, when all is well', { troubles: [], lastReport: report(1, { outcome: 'committed' }) }, undefined],
    ['nothing, while it works on an update', { lastReport: report(1, { phase: 'downloading' }) }, undefined],
    ['the worst of its troubles', { troubles: [full, { ...full, code: 'tls-failed' }] }, { code: 'disk-full' }],
    [
      'a trouble before what its last report says, with the time of the next try',
      { troubles: [full], lastReport: failed({ code: 'server-unreachable', nextTryAt: soon }) },
      { fault: 'device', code: 'disk-full', message: '48 MB free', nextTryAt: soon },
    ],
    [
      'what its last report failed with, of which the table says whose fault it is',
      { lastReport: failed({ code: 'server-unreachable', fault: 'release', message: 'x' }) },
      { fault: 'path', code: 'server-unreachable', message: 'x' },
    ],
    [
      'a code that only its newer updater knows, as it is, and whose fault that one said it is',
      { lastReport: failed({ code: 'flux-lost', fault: 'path' }) },
      { fault: 'path', code: 'flux-lost' },
    ],
    ['a trouble of a code that nobody knows', { troubles: [{ ...full, code: 'flux-lost' }] }, { code: 'flux-lost' }],
    [
      'what it reports of the release that it runs, where that is no result',
      { lastReport: report(3, { phase: 'idle', code: 'slot-damaged' }), version: '2.0.0' },
      { fault: 'device', code: 'slot-damaged' },
    ],
    [
      'nothing, once it runs the release that its last report failed with',
      { lastReport: failed({ code: 'health-timeout' }), version: '2.0.0' },
      undefined,
    ],
  ])('is %s', (_what, told, expected) => {
    if (expected === undefined) expect(held(told)).toBeUndefined();
    else expect(held(told)).toMatchObject(expected);
  });
});

it('a last report is shown with a message of 300 characters at most, and without what it does not say', () => {
  const shown = lastReportOf(failed({ code: 'health-timeout', message: 'x'.repeat(2000) }));
  expect(shown.message).toHaveLength(300);
  expect(Object.keys(lastReportOf(report(1))).sort()).toEqual(['at', 'phase', 'rollout', 'version']);
});

it('a trouble is shown with the fault that the table of codes has for it', () => {
  expect(withFaults([{ ...full, fault: 'release' }])).toEqual([full]);
});
