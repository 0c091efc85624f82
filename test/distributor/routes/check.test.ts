import { expect, it } from 'vitest';
import { smallRelease } from '../../fakes/signed-repository.ts';
import { SmallFleet } from '../../fakes/small-fleet.ts';

const deltaPolicy = {
  ...{ allowReencode: false, maxMemoryBytes: 201_326_592, maxReencodeSeconds: 0, reencodeBytesPerSecond: 524_288 },
  zstdVersions: ['1.5.7'],
};

it('answers a device that says which deltas it can afford as one that does not', async () => {
  await using small = await SmallFleet.open();
  await small.publish(smallRelease('1.0.0', 1));
  await small.declare('to-1', { release: '1.0.0', waves: [{ name: 'all', percent: 100 }] });
  const token = await small.enrol('edge-1');
  const silent = await small.check('edge-1', token);
  expect(silent).toMatchObject({ decision: 'update', offer: { version: '1.0.0' } });
  expect(await small.check('edge-1', token, { deltaPolicy })).toEqual(silent);
});
