/** Declares the options of `device ls` that choose devices: the same query as that of the API. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { devicePhases } from '../../../contract/device-api/check.ts';
import { updateOutcomes } from '../../../contract/device-api/report.ts';
import { type DeviceQuery, deviceQuerySchema } from '../../fleet/device-filter.ts';

export function withDeviceOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--label <key=value>', 'with this label, own or by rule; key!=value without it; repeatable').argParser(
        labels,
      ),
    )
    .option('--wave <name>', 'in this wave of the rollout that decides about them')
    .option('--version <version>', 'that reported this version last, or run it and never reported')
    .addOption(new Option('--phase <phase>', 'in this phase by their last report').choices(devicePhases))
    .addOption(
      new Option('--outcome <outcome>', 'whose last report has this outcome').choices([...updateOutcomes, 'none']),
    )
    .addOption(
      new Option('--silent-since <time>', 'not heard of for so long (2h), or since (2026-12-24T00:00:00Z)').argParser(
        silentSince,
      ),
    );
}

/** @param options of the command, whatever else is among them */
export function queryOf(options: DeviceQuery): DeviceQuery {
  return deviceQuerySchema.parse(options);
}

function labels(text: string, before: readonly string[] = []): readonly string[] {
  const parsed = deviceQuerySchema.shape.label.safeParse([text]);
  if (parsed.success) return [...before, text];
  throw new InvalidArgumentError('Expected key=value or key!=value.');
}

function silentSince(text: string): string {
  if (deviceQuerySchema.shape.silentSince.safeParse(text).success) return text;
  throw new InvalidArgumentError('Expected a duration such as 2h or a time such as 2026-12-24T00:00:00Z.');
}
