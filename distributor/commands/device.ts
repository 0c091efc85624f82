/** `device ls | show | label | accept | reject | revoke | forget` reads and corrects the fleet from the command line. */
import { Command } from 'commander';
import type { DeviceQuery } from '../fleet/device-filter.ts';
import type { CommandLine } from './command-line.ts';
import { examples } from './examples.ts';
import { placeHelp, withOperations, withStoreOptions } from './fleet-operations.ts';
import { queryOf, withDeviceOptions } from './options/device-options.ts';
import { parseLabelChanges } from './options/label-options.ts';
import { parseReason } from './options/reason-option.ts';
import { deviceLines, deviceText, spacedLabels } from './text/device-text.ts';

const decisions = {
  accept: ['let devices in that wait for it, or were rejected', 'accepted'],
  reject: ['let devices not in that wait for it', 'rejected'],
} as const;

const endings = {
  revoke: ['refuse a device from the next request on', 'revoked'],
  forget: ['remove a device and all that is known of it, so that it may enrol again', 'forgotten'],
} as const;

const listHelp = `
REPORTED, PHASE and OUTCOME are those of the last report, RUNS is what the device said in its last check. HELD BY names
whose fault it is (release, device or path) and the code; see device show for the rest. Every option given holds.
${examples(
  'device ls --json',
  'device ls --label region=north --label tier!=lab --outcome failed',
  'device ls --wave canary --version 1.33.9+k3s1',
  'device ls --phase staged --silent-since 2h',
)}`;

export function deviceCommand(line: CommandLine): Command {
  const command = new Command('device').description('see, label, accept and remove devices');
  withStoreOptions(withDeviceOptions(command.command('ls')))
    .description('list devices: where they stand, what they reported last, and what holds them')
    .addHelpText('after', `${listHelp}\n${placeHelp}`)
    .action(async (options: DeviceQuery, self: Command) => {
      const query = queryOf(options);
      const isAll = Object.values(query).every((part) => part === undefined);
      await withOperations(line, self, (operations) =>
        line.answerList('devices', operations.devices(query), (devices) => deviceLines(devices, line.clock(), isAll)),
      );
    });
  withStoreOptions(command.command('show <id>'))
    .description('one device and its latest reports')
    .addHelpText('after', `${examples('device show gate-17')}\n${placeHelp}`)
    .action(async (id: string, _options: unknown, self: Command) => {
      const device = await withOperations(line, self, (operations) => operations.device(id));
      line.answer(device, deviceText(device, line.clock()));
    });
  withStoreOptions(command.command('label <id> <labels...>'))
    .description('give a device labels (key=value), over those that it says of itself, or take them away (key-)')
    .option('--reason <text>', 'why, for the audit log', parseReason, '')
    .addHelpText('after', `${examples('device label gate-17 region=north tier-')}\n${placeHelp}`)
    .action(async (id: string, words: string[], { reason }: { reason: string }, self: Command) => {
      const changes = parseLabelChanges(words);
      const labelled = await withOperations(line, self, (operations) => operations.label(id, changes, reason));
      line.answer(labelled, `Device ${id} is given ${spacedLabels(labelled.givenLabels)}.`);
    });
  for (const action of ['accept', 'reject'] as const) {
    const [description, status] = decisions[action];
    withStoreOptions(command.command(`${action} <ids...>`))
      .description(description)
      .option('--reason <text>', 'why, for the audit log', parseReason, '')
      .addHelpText('after', `${examples(`device ${action} gate-17 gate-18`)}\n${placeHelp}`)
      .action(async (ids: string[], { reason }: { reason: string }, self: Command) => {
        const devices = await withOperations(line, self, async (operations) => {
          const standings = [];
          for (const id of ids) standings.push(await operations.decide(id, status, reason));
          return standings;
        });
        line.answer({ devices }, ids.map((id) => `Device ${id} is ${status}.`).join('\n'));
      });
  }
  for (const action of ['revoke', 'forget'] as const) {
    const [description, done] = endings[action];
    withStoreOptions(command.command(`${action} <id>`))
      .description(description)
      .option('--reason <text>', 'why, for the audit log', parseReason, '')
      .addHelpText('after', `${examples(`device ${action} gate-17 --reason stolen`)}\n${placeHelp}`)
      .action(async (id: string, { reason }: { reason: string }, self: Command) => {
        const standing = await withOperations(line, self, (operations) => operations.dismiss(id, action, reason));
        line.answer(standing, `Device ${id} is ${done}.`);
      });
  }
  return command;
}
