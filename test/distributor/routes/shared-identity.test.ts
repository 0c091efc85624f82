/** Two machines that ask as one device: the later one is refused, people see it, and a person says which one is right. */
import { expect, it } from 'vitest';
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
