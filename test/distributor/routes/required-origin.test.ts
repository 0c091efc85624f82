/** A rollout that requires what a release says about where it is from, asked through the real server. */
import { expect, it } from 'vitest';
import type { Attachment } from '../../../contract/release/attachment.ts';
import type { ReleaseManifest } from '../../../contract/release/manifest.ts';
import { rolloutText } from '../../../distributor/commands/text/rollout-text.ts';
import { smallRelease } from '../../fakes/signed-repository.ts';
import { SmallFleet } from '../../fakes/small-fleet.ts';

const document = (kind: Attachment['kind'], name: string): Attachment => {
  return {
    kind,
    name,
    mediaType: 'application/json',
    length: 7,
    sha256: name.charCodeAt(0).toString(16).padStart(64, '0'),
  };
};
const sbom = document('sbom', 'a.json');
const statement = document('provenance', 'b.json');
const list = document('checksums', 'c.txt');

function withOrigin(version: string, counter: number, attachments: Attachment[], isChecked = false): ReleaseManifest {
  const plain = smallRelease(version, counter);
  const [component] = plain.components;
  const upstream = [{ component: component?.name ?? '', checksums: { document: list.sha256, name: 'k3s' } }];
  return { ...plain, schemaVersion: 3, minUpdaterVersion: '0.2.0', attachments, ...(isChecked ? { upstream } : {}) };
}

const waves = [{ name: 'all', percent: 100 }];
const all = { require: ['sbom', 'provenance', 'upstream'] };
const newer = { updaterVersion: '0.2.0' };

async function whyOf(small: SmallFleet, id: string) {
  const operator = await small.token('operator', 'rollouts:read', 'devices:read');
  const [why, rollout] = [
    await small.ask('GET', `/v1/devices/${id}/why`, operator),
    await small.ask('GET', '/v1/rollouts/to-2', operator),
  ];
  return { why: why.json(), rollout: rollout.json().rollouts[0] };
}

it('offers a release that lacks it to nobody, and says what it lacks', async () => {
  await using small = await SmallFleet.open();
  await small.publish(withOrigin('2.0.0', 2, [sbom]));
  await small.declare('to-2', { release: '2.0.0', waves, ...all });
  const token = await small.enrol('edge-1');
  expect(await small.check('edge-1', token, newer)).toMatchObject({ decision: 'none', reason: 'release-unattested' });
  const { why, rollout } = await whyOf(small, 'edge-1');
  expect(why.decision).toMatchObject({
    reason: 'release-unattested',
    facts: { offered: '2.0.0', lacking: 'provenance, upstream' },
    next: 'It waits until 2.0.0 is replaced by a release that has: provenance, upstream.',
  });
  expect(rollout).toMatchObject({
    status: 'waiting',
    require: ['sbom', 'provenance', 'upstream'],
    next: { step: 'wait', waitsFor: 'release-unattested' },
  });
  expect(rollout.reason).toContain('(provenance, upstream)');
  expect(rolloutText(rollout, small.now)).toContain('requires sbom, provenance, upstream');
});

it('offers one that has it, and needs an updater that reads it', async () => {
  await using small = await SmallFleet.open();
  await small.publish(withOrigin('2.0.0', 2, [list, sbom, statement], true));
  await small.declare('to-2', { release: '2.0.0', waves, ...all });
  const token = await small.enrol('edge-1');
  expect(await small.check('edge-1', token, newer)).toMatchObject({ decision: 'update', offer: { version: '2.0.0' } });
  const other = await small.enrol('edge-2');
  expect(await small.check('edge-2', other, { updaterVersion: '0.1.9' })).toMatchObject({ reason: 'updater-too-old' });
});

it('goes on where a rollout stops to require it, and holds for a fleet by default', async () => {
  await using small = await SmallFleet.open();
  await small.publish(smallRelease('2.0.0', 2));
  const fleet = {
    apiVersion: 'slipway/v1',
    kind: 'Fleet',
    metadata: { name: 'f' },
    spec: { defaults: { require: ['sbom'] } },
  };
  await small.writeRolloutFile('fleet.yaml', JSON.stringify(fleet));
  await small.declare('to-2', { release: '2.0.0', waves });
  const token = await small.enrol('edge-1');
  expect(await small.check('edge-1', token)).toMatchObject({ reason: 'release-unattested' });
  await small.declare('to-2', { release: '2.0.0', waves, require: [] });
  expect(await small.check('edge-1', token)).toMatchObject({ decision: 'update' });
});

it('leaves a release that lacks it out on the way to one that has it', async () => {
  await using small = await SmallFleet.open();
  const numbered = (version: string, counter: number, attachments: Attachment[]) =>
    attachments.length === 0 ? smallRelease(version, counter) : withOrigin(version, counter, attachments);
  await small.publish(numbered('1.31.0+k3s1', 1, []));
  await small.publish(numbered('1.32.1+k3s1', 2, [sbom]));
  await small.publish(numbered('1.32.2+k3s1', 3, []));
  await small.publish(numbered('1.33.0+k3s1', 4, [sbom]));
  await small.declare('to-2', { release: '1.33.0+k3s1', waves, require: ['sbom'] });
  const token = await small.enrol('edge-1');
  const current = { version: '1.31.0+k3s1', counter: 1, manifestSha256: '1'.repeat(64) };
  expect(await small.check('edge-1', token, { ...newer, current, counterFloor: 1 })).toMatchObject({
    reason: 'skew-first',
    offer: { version: '1.32.1+k3s1' },
  });
});
