/** When a release that is not to blame is tried again. */
import { describe, expect, it } from 'vitest';
import { adoptState } from '../../../edge-updater/update/adopt.ts';
import { holdOn, holdSeconds, withHold } from '../../../edge-updater/update/holding.ts';
import type { DeviceState } from '../../../edge-updater/update/state.ts';
import { at, attempt, inPhase, moment, newest, older } from './states.ts';

const hour = 3600;
const failure = { code: 'server-refused', message: '403' };

describe('a release that is held', () => {
  it.each([
    [0, 900, false, 0],
    [1, 900, false, 0],
    [2, 900, false, 900],
    [3, 900, false, 2700],
    [4, 900, false, 6300],
    [40, 900, false, 24 * hour],
    [1, 900, true, hour],
    [1, 60, true, 240],
    [3, 900, true, hour],
    [4, 900, true, 6300],
  ])('after %i ends in a row that cost something, polls each %i s, after the switch %s: waits %i s', (...row) => {
    const [count, pollSeconds, hasSwitched, seconds] = row;
    expect(holdSeconds(count, pollSeconds, hasSwitched)).toBe(seconds);
  });

  function heldTimes(times: number, bytesOnWire: number): DeviceState {
    let state = inPhase('idle');
    const transfer = { ...attempt.transfer, bytesOnWire };
    for (let time = 0; time < times; time++) state = withHold(state, { ...attempt, transfer }, failure, moment, false);
    return state;
  }

  it('that moved no byte is tried at each poll', () => {
    expect(heldTimes(9, 0).held).toMatchObject([{ count: 0, code: 'server-refused' }]);
    expect(heldTimes(9, 0).held[0]?.notBefore).toBeUndefined();
  });

  it('that moved bytes waits until its time, and no longer', () => {
    const state = heldTimes(2, 7);
    const now = Date.parse(at);
    expect(holdOn(state, newest.manifestSha256, now + 899_000)).toMatchObject({
      notBefore: '2026-12-01T00:15:00.000Z',
    });
    expect(holdOn(state, newest.manifestSha256, now + 900_000)).toBeUndefined();
    expect(holdOn(state, older.manifestSha256, now)).toBeUndefined();
  });

  it('does not wait for a time that a wrong clock wrote', () => {
    expect(holdOn(heldTimes(2, 7), newest.manifestSha256, Date.parse('1970-01-02T00:00:00Z'))).toBeUndefined();
  });

  it('says since when it has the same trouble', () => {
    const first = withHold(inPhase('idle'), attempt, failure, moment, false);
    const later = { ...moment, at: '2026-12-02T00:00:00.000Z' };
    expect(withHold(first, attempt, failure, later, false).held).toMatchObject([{ since: at, at: later.at }]);
    const other = { code: 'disk-full', message: 'm' };
    expect(withHold(first, attempt, other, later, false).held).toMatchObject([{ since: later.at, count: 2 }]);
  });
});

it('drops rejections that an older updater made for a trouble of the device or the path', () => {
  const { version, manifestSha256 } = newest;
  const codes = ['server-refused', 'disk-full', 'health-timeout', 'reverted-by-permit', undefined];
  const rejected = codes.map((code) => ({ version, manifestSha256, at, ...(code === undefined ? {} : { code }) }));
  const left = adoptState({ ...inPhase('idle'), rejected }).rejected.map(({ code }) => code);
  expect(left).toEqual(['health-timeout', 'reverted-by-permit', undefined]);
});
