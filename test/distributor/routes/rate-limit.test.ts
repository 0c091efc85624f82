import { expect, it } from 'vitest';
import { idleDevice, SmallFleet } from '../../fakes/small-fleet.ts';

it('a device has one share of checks however it spells its token, and others keep theirs', async () => {
  await using small = await SmallFleet.open({ policy: { checksPerMinute: 5 } });
  const [token, other] = [await small.enrol('gate-1'), await small.enrol('gate-2')];
  const check = async (id: string, authorization: string, remoteAddress = '10.0.0.1') => {
    const url = `/v1/devices/${id}/check`;
    const asked = { method: 'POST', url, headers: { authorization }, payload: idleDevice, remoteAddress } as const;
    return (await small.app.inject(asked)).statusCode;
  };
  const spellings = ['Bearer', 'bearer', 'BEARER', 'bEaReR'].flatMap((scheme) =>
    [1, 2, 3].map((n) => scheme + ' '.repeat(n)),
  );
  const statuses: number[] = [];
  for (const spelled of spellings) statuses.push(await check('gate-1', `${spelled}${token}`));
  expect(statuses).toEqual([...Array(5).fill(200), ...Array(spellings.length - 5).fill(429)]);
  expect(await check('gate-1', `Bearer ${token}`, '10.0.0.2')).toBe(429);
  expect(await check('gate-2', `Bearer ${other}`)).toBe(200);
  // What is no token counts for the address.
  const odd: number[] = [];
  for (let i = 0; i < 8; i++) odd.push(await check('gate-2', `Basic ${i}`));
  expect(odd).toEqual([...Array(5).fill(401), ...Array(3).fill(429)]);
});
