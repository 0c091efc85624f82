/** `device ls | forget | revoke`: the fleet, read and corrected from the command line. */
import { Command } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import { viewOf } from '../fleet/view.ts';
import { type CommandLine, type StatePlace, table, withState, withStateOptions } from './command-line.ts';

const pageSize = 1000;

export function deviceCommand(line: CommandLine): Command {
  const command = new Command('device').description('see and remove devices');
  withStateOptions(command.command('ls'))
    .description('list devices')
    .addHelpText('after', '\nExample:\n  slipway-distributor device ls --json')
    .action((place: StatePlace) => listDevices(line, place));
  withStateOptions(command.command('revoke <id>'))
    .description('refuse a device from the next request on')
    .addHelpText('after', '\nExample:\n  slipway-distributor device revoke gate-17')
    .action(async (id: string, place: StatePlace) => {
      const isKnown = await withState(line, place, (fleet) => fleet.revokeDevice(id, line.clock()));
      if (!isKnown) throw unknown(id);
      line.answer({ id, status: 'revoked' }, `Device ${id} is revoked.`);
    });
  withStateOptions(command.command('forget <id>'))
    .description('remove a device and all that is known of it, so that it may enrol again')
    .addHelpText('after', '\nExample:\n  slipway-distributor device forget gate-17')
    .action(async (id: string, place: StatePlace) => {
      if (!(await withState(line, place, (fleet) => fleet.forgetDevice(id)))) throw unknown(id);
      line.answer({ id, status: 'forgotten' }, `Device ${id} is forgotten.`);
    });
  return command;
}

async function listDevices(line: CommandLine, place: StatePlace): Promise<void> {
  const devices = await withState(line, place, async (fleet) => {
    const all = [];
    for (let after: string | undefined; ; ) {
      const page = await fleet.listDevices({ after, limit: pageSize });
      all.push(...page.map(viewOf));
      after = page.at(-1)?.id;
      if (page.length < pageSize) return all;
    }
  });
  const rows = devices.map((device) => [
    device.id,
    device.product,
    device.platform,
    device.current?.version ?? '-',
    device.phase ?? '-',
    device.status,
    device.lastSeenAt ?? 'never',
  ]);
  line.answer({ devices }, table(['ID', 'PRODUCT', 'PLATFORM', 'VERSION', 'PHASE', 'STATUS', 'LAST SEEN'], rows));
}

function unknown(id: string): SlipwayError {
  return new SlipwayError('device-unknown', `device ${id} is not enrolled`, {
    hint: 'List the devices with slipway-distributor device ls.',
  });
}
