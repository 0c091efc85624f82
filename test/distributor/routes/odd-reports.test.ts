/** Reports that say strange things, or come from strangers. */
import { describe, expect, it } from 'vitest';
import { smallRelease } from '../../fakes/signed-repository.ts';
import { SmallFleet } from '../../fakes/small-fleet.ts';

const waves = [
  { name: 'first', percent: 50, soak: '1h' },
  { name: 'all', percent: 100 },
];

async function fleet() {
  const small = await SmallFleet.open();
  await small.publish(smallRelease('2.0.0', 2));
  const tokens = new Map<string, string>();
  for (const id of ['a', 'b', 'c', 'd']) tokens.set(id, await small.enrol(id));
  await small.declare('r', { release: '2.0.0', waves, abort: { failurePercent: 50, minFailures: 2 } });
  const operator = await small.token('operator', 'rollouts:read', 'devices:read');
  const shown = async () => (await small.ask('GET', '/v1/rollouts/r', operator)).json().rollouts;
  return { small, tokens, shown };
}

describe('a clock that is wrong by years', () => {
  /** What a rollout looks like when its first devices have told their story by this clock. */
  async function story(at: string) {
    const { small, tokens, shown } = await fleet();
    await using _ = small;
    const offered: unknown[] = [];
    for (const [id, token] of tokens) {
      const answer = await small.check(id, token);
      offered.push([id, answer.decision, answer.reason]);
      if (answer.decision !== 'update') continue;
      const common = { at, rollout: 'r' };
      const answered = await small.report(
        id,
        token,
        { ...common, phase: 'downloading' },
        { ...common, outcome: 'committed' },
      );
      expect([answered.statusCode, answered.json()]).toEqual([200, { acknowledgedThrough: 2 }]);
    }
    const [before] = await shown();
    await small.pass(3599);
    const [soaking] = await shown();
    await small.pass(2);
    const [after] = await shown();
    const device = await small.fleet.findDevice('a');
    const attempts = (await Promise.all([...tokens.keys()].map((id) => small.fleet.attemptsOf(id)))).flat();
    return {
      offered,
      statuses: [before.status, soaking.status, after.status],
      waves: [before, soaking, after].map(({ waves }) =>
        waves.map(({ name, committed, failed }: Record<string, unknown>) => ({ name, committed, failed })),
      ),
      lastSeen: (device?.lastSeenAt ?? 0) - small.now,
      outcomes: attempts.map(({ deviceId, outcome, phase, offeredAt }) => [
        deviceId,
        outcome,
        phase,
        (offeredAt ?? 0) - small.now,
      ]),
    };
  }

  it.each(['1970-01-01T00:00:00Z', '2099-12-31T23:59:59Z'])('changes nothing on a device that says %s', async (at) => {
    const expected = await story(new Date().toISOString());
    expect(expected.outcomes).toContainEqual(['a', 'committed', 'committed', expect.any(Number)]);
    expect(await story(at)).toEqual(expected);
  });

  it('puts no report before another: only the sequence does', async () => {
    const { small, tokens } = await fleet();
    await using _ = small;
    const token = tokens.get('a') ?? '';
    const fallBack = { outcome: 'rolled-back', code: 'health-lost', phase: 'rolled-back' } as const;
    await small.pass(1);
    for (const [id, own] of tokens) await small.check(id, own);
    expect(await small.fleet.attemptsOf('a')).toHaveLength(1);
    await small.report('a', token, { sequence: 1, rollout: 'r', outcome: 'committed', at: '2099-01-01T00:00:00Z' });
    await small.report('a', token, { sequence: 2, rollout: 'r', at: '1970-01-01T00:00:00Z', ...fallBack });
    expect(await small.fleet.attemptsOf('a')).toMatchObject([{ outcome: 'rolled-back' }]);
  });
});

describe('reports of', () => {
  it.each([
    ['a device that was revoked', 403, 'device-revoked'],
    ['a device that was forgotten', 401, 'unauthenticated'],
    ['another device', 403, 'forbidden'],
    ['a device that nobody knows', 403, 'forbidden'],
  ])('%s are refused with %i and count nowhere', async (who, status, code) => {
    const { small, tokens, shown } = await fleet();
    await using _ = small;
    if (who.endsWith('revoked')) await small.fleet.revokeDevice('a', small.now);
    if (who.endsWith('forgotten')) await small.fleet.forgetDevice('a');
    await small.pass(1);
    const before = await shown();
    const token = tokens.get(who.startsWith('another') ? 'b' : 'a') ?? '';
    const id = who.endsWith('knows') ? 'nobody' : 'a';
    const answer = await small.report(id, token, { rollout: 'r', outcome: 'failed', code: 'health-lost' });
    expect([answer.statusCode, answer.json().code]).toEqual([status, code]);
    await small.pass(1);
    expect(await shown()).toEqual(before);
  });
});
