/**
 * The journey of an update in full size: a K3s-shaped patch release of 49 MB with 195 MB inside, from the packager over a
 * distributor to a device that is killed on the way. Takes 10 minutes on two idle cores, most of them for the delta.
 */
import { expect, it } from 'vitest';
import { shaped } from '../corpus/shaped.ts';
import { missingCommands } from '../services/commands.ts';
import { describeUnless } from '../services/requirement.ts';
import { killedUpdate } from './killed-update.ts';

const hours = 3_600_000;

describeUnless(missingCommands('go', 'npm', 'apt-get', 'dpkg-deb', 'unzip'), 'a k3s-shaped patch release', () => {
  it('comes bit for bit by the delta, killed at random moments and while it encodes', { timeout: hours }, async () => {
    const seen = await killedUpdate({
      ...{ old: await shaped('k3s', 'old'), new: await shaped('k3s', 'new') },
      ...{ seed: 20261126, kills: 4, lifeMs: 15_000, applyMs: 30_000, patienceMs: hours / 2, maxMemoryMiB: 256 },
    });
    expect(seen.outcome).toBe('committed');
    expect(seen.installed).toBe(seen.expected);
    expect(seen.encodedBytes).toBeGreaterThan(190_000_000);
    expect(seen.killsWhileApplying).toBeGreaterThanOrEqual(4);
    expect(seen.killsWhileEncoding).toBeGreaterThanOrEqual(2);
    expect(seen.message).toBe('');
    expect(seen.bytesToDevice).toBeLessThan(2_000_000);
  });
});
