import { expect, it } from 'vitest';
import { defaultGate } from '../../../../distributor/declaration/gate.ts';
import { gateProgress } from '../../../../distributor/rollout/campaigns/gate-progress.ts';
import { noCounts, type WaveCounts } from '../../../../distributor/rollout/standing.ts';
import { wave } from '../deciding.ts';

const counts = (more: Partial<WaveCounts>): WaveCounts => ({ ...noCounts, members: 200, ...more });

it.each<[string, readonly WaveCounts[], string]>([
  ['nobody in it', [noCounts], 'no known device belongs to it'],
  ['nobody reached', [counts({ unreachable: 9 })], 'none of 200 devices reached yet'],
  [
    'successes that soak, and devices that are held',
    [counts({ committed: 14, soaked: 12, heldByPath: 2, heldByDevice: 1 })],
    '14 of 14 reached committed (100 %), 95 % needed; 12 of 14 have soaked; 3 held',
  ],
])('a gate tells of %s', (_what, all, text) => {
  expect(gateProgress(wave('canary', 10), all, undefined)).toBe(text);
});

it('a gate with a confidence tells how many more devices it needs, over all waves', () => {
  const sure = wave('all', 100, { gate: { ...defaultGate, confidencePercent: 95 } });
  const all = [counts({ committed: 20, soaked: 20 }), counts({ committed: 30, soaked: 30 })];
  expect(gateProgress(sure, all, undefined)).toMatch(/; 9 more devices without a failure needed for 95 % confidence$/);
  const shown = [counts({ committed: 29, soaked: 29 }), counts({ committed: 30, soaked: 30 })];
  expect(gateProgress(sure, shown, undefined)).not.toContain('more devices');
});
