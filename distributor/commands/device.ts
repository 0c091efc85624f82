/** `device ls | show | revoke | forget`: the fleet, read and corrected from the command line. */
import { Command } from 'commander';
import type { DeviceView } from '../fleet/view.ts';
import type { CommandLine } from './command-line.ts';
import { deskHelp, withDesk, withDeskOptions } from './desk.ts';
import { deviceLines, deviceText } from './device-text.ts';
import { parseReason } from './reason-option.ts';

const endings = {
  revoke: ['refuse a device from the next request on', 'revoked'],
  forget: ['remove a device and all that is known of it, so that it may enrol again', 'forgotten'],
} as const;

export function deviceCommand(line: CommandLine): Command {
  const command = new Command('device').description('see and remove devices');
  withDeskOptions(command.command('ls'))
    .description('list devices')
    .addHelpText('after', `\nExample:\n  slipway-distributor device ls --json\n${deskHelp}`)
    .action(async (_options: unknown, self: Command) => {
      const devices = await withDesk(line, self, async (desk) => {
        const all: DeviceView[] = [];
        for await (const device of desk.devices()) all.push(device);
        return all;
      });
      line.answer({ devices }, deviceLines(devices, line.clock()));
    });
  withDeskOptions(command.command('show <id>'))
    .description('one device and its latest reports')
    .addHelpText('after', `\nExample:\n  slipway-distributor device show gate-17\n${deskHelp}`)
    .action(async (id: string, _options: unknown, self: Command) => {
      const device = await withDesk(line, self, (desk) => desk.device(id));
      line.answer(device, deviceText(device, line.clock()));
    });
  for (const action of ['revoke', 'forget'] as const) {
    const [description, done] = endings[action];
    withDeskOptions(command.command(`${action} <id>`))
      .description(description)
      .option('--reason <text>', 'why, for the audit log', parseReason, '')
      .addHelpText('after', `\nExample:\n  slipway-distributor device ${action} gate-17 --reason stolen\n${deskHelp}`)
      .action(async (id: string, { reason }: { reason: string }, self: Command) => {
        const standing = await withDesk(line, self, (desk) => desk.dismiss(id, action, reason));
        line.answer(standing, `Device ${id} is ${done}.`);
      });
  }
  return command;
}
