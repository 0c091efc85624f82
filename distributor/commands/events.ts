/** `events [--follow]` prints the audit log, a line for each decision of people and of the distributor. */
import { Command, Option } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import { fieldLines } from '../../system/command-line/fields.ts';
import { eventKindNames, eventKinds } from '../events/kinds.ts';
import { type EventFilter, type EventView, lineOf } from '../events/view.ts';
import type { CommandLine } from './command-line.ts';
import { examples } from './examples.ts';
import { type FleetOperations, placeHelp, withOperations, withStoreOptions } from './fleet-operations.ts';
import { parseCount } from './lifetime.ts';

interface EventsOptions extends EventFilter {
  readonly follow: boolean;
  readonly since?: number;
  readonly last: number;
  readonly count?: number;
  readonly device?: string;
}

export function eventsCommand(line: CommandLine): Command {
  return withStoreOptions(new Command('events'))
    .description('print the audit log: every decision, who made it and why')
    .option('--follow', 'go on with what happens from now on', false)
    .option('--since <id>', 'begin after the event of this id, 0 for all that are kept', parseId)
    .option('--last <n>', 'begin with the latest <n>', parseCount, 20)
    .option('--count <n>', 'end after <n> events', parseCount)
    .option('--rollout <name>', 'only events of this rollout')
    .addOption(new Option('--kind <kind>', 'only events of this kind').choices(eventKindNames))
    .option('--device <id>', 'only events of this device')
    .addHelpText(
      'after',
      `
With --json each event is a line of JSON.

Kinds:
${fieldLines(Object.entries(eventKinds))
  .map((kind) => `  ${kind}`)
  .join('\n')}
${examples('events --rollout k3s-1-33-9', 'events --follow --kind aborted --count 1')}
${placeHelp}`,
    )
    .action(async (options: EventsOptions, self: Command) => {
      const printed = await withOperations(line, self, (operations) => print(line, operations, options));
      if (printed === 0) line.say('No such event has been recorded. See slipway-distributor events --help.');
    });
}

async function print(line: CommandLine, operations: FleetOperations, options: EventsOptions): Promise<number> {
  let printed = 0;
  for await (const event of eventsOf(operations, options)) {
    line.answer(event, lineOf(event));
    if (++printed === options.count) break;
  }
  return printed;
}

/** Those that are there, then those to come, without a gap between. */
async function* eventsOf(operations: FleetOperations, options: EventsOptions): AsyncIterable<EventView> {
  const { rollout, kind, device, since, last, follow } = options;
  const filter: EventFilter = { rollout, kind, deviceId: device };
  if (follow && since !== undefined) {
    yield* operations.follow(since, filter);
    return;
  }
  let seen = 0;
  for await (const event of operations.events(since === undefined ? { latest: last } : { after: since }, filter)) {
    seen = event.id;
    yield event;
  }
  if (follow) yield* operations.follow(seen, filter);
}

/** @throws SlipwayError `usage` */
function parseId(text: string): number {
  const id = Number(text);
  if (Number.isSafeInteger(id) && id >= 0) return id;
  throw new SlipwayError('usage', `"${text}" is not the id of an event`);
}
