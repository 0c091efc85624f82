/** Two machines that ask as one device: the later one is refused, people see it, and a person says which one is right. */
import { expect, it } from 'vitest';
import { whyText } from '../../../distributor/commands/text/why-text.ts';
import type { WhyView } from '../../../distributor/explanation/view.ts';
import { idleDevice, SmallFleet } from '../../fakes/small-fleet.ts';

const machine = (id: string, boot: string) => ({ id: id.repeat(32), boot: boot.repeat(32) });
const asks = async (small: SmallFleet, token: string, ...where: [string, string]) => {
  const check = { ...idleDevice, schemaVersion: 2, troubles: [], machine: machine(...where) };
  const answer = (await small.ask('POST', '/v1/devices/a/check', token, check)).json();
  small.lapse(600);
  return answer.code ?? answer.decision;
};

it('refuses the later of two machines, shows it, and takes the other one on the word of a person', async () => {
  await using small = await SmallFleet.open();
  const token = await small.enrol('a');
  const answers = [];
  for (const boot of ['a', 'b', 'a', 'b', 'a']) answers.push(await asks(small, token, 'f', boot));
  expect(answers).toEqual(['none', 'none', 'none', 'identity-shared', 'none']);
  const operator = await small.token('operator', 'devices:read', 'devices:control');
  const shown = (await small.ask('GET', '/v1/devices/a', operator)).json();
  expect(shown.identitySharedAt).toMatch(/^20/);
  const why: WhyView = (await small.ask('GET', '/v1/devices/a/why', operator)).json();
  expect(why.device.identitySharedAt).toBe(shown.identitySharedAt);
  expect(whyText(why, small.now)).toMatch(/^identity: shared by two machines since .+; the later one is refused$/m);
  const events = async () =>
    (await small.fleet.listEvents(0, 99)).filter(({ kind }) => kind === 'identity-shared').length;
  expect(await events()).toBe(1);
  expect((await small.ask('GET', '/metrics')).body).toContain('slipway_identities_shared_total 1');
  await small.ask('POST', '/v1/devices/a/accept', operator);
  expect(await asks(small, token, 'f', 'b')).toBe('none');
});

it('shows it also where the machine that comes back is the one to be refused', async () => {
  await using small = await SmallFleet.open();
  const token = await small.enrol('a');
  const answers = [];
  for (const [id, boot] of ['aa', 'bb', 'ac', 'bb', 'ac'].map((text) => [...text] as [string, string])) {
    answers.push(await asks(small, token, id, boot));
  }
  expect(answers).toEqual(['none', 'none', 'none', 'identity-shared', 'none']);
  const kinds = (await small.fleet.listEvents(0, 99)).map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === 'identity-shared')).toHaveLength(1);
});

const sends = async (
  small: SmallFleet,
  token: string,
  sequence: number,
  attempt: string,
  at = '2026-01-01T00:00:00Z',
) => {
  const answer = (await small.report('a', token, { sequence, attempt, at, rollout: 'r' })).json();
  return answer.code ?? answer.acknowledgedThrough;
};

it('refuses reports of a machine whose journal is a copy that went on apart, and takes them on the word of a person', async () => {
  await using small = await SmallFleet.open();
  const token = await small.enrol('a');
  // Before the copy, then by one of the two, then by the other.
  expect(await sends(small, token, 1, 'before')).toBe(1);
  expect(await sends(small, token, 2, 'one')).toBe(2);
  expect(await sends(small, token, 2, 'two')).toBe('identity-shared');
  expect(await sends(small, token, 2, 'one', '2026-01-01T00:00:09Z')).toBe('identity-shared');
  expect(await sends(small, token, 3, 'one')).toBe(3);
  const events = (await small.fleet.listEvents(0, 99)).filter(({ kind }) => kind === 'identity-shared');
  expect(events).toHaveLength(1);
  const operator = await small.token('operator', 'devices:read', 'devices:control');
  expect((await small.ask('GET', '/v1/devices/a', operator)).json().identitySharedAt).toMatch(/^20/);
  expect((await small.ask('GET', '/metrics')).body).toContain('slipway_identities_shared_total 1');
  expect((await small.ask('POST', '/v1/devices/a/accept', operator)).statusCode).toBe(200);
  expect(await sends(small, token, 2, 'two')).toBe(3);
  expect(await sends(small, token, 4, 'two')).toBe(4);
});

it('takes a report that comes again, as after an answer that was lost, also in other words', async () => {
  await using small = await SmallFleet.open();
  const token = await small.enrol('a');
  const report = { sequence: 1, attempt: 'x', message: 'disk full', phase: 'idle' as const };
  expect((await small.report('a', token, report)).json()).toEqual({ acknowledgedThrough: 1 });
  const older = { ...report, message: 'io-error: disk full' };
  expect((await small.report('a', token, older)).json()).toEqual({ acknowledgedThrough: 1 });
});
