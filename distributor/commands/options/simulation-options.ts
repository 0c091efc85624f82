/** Parses the options of `simulate`, and says what they mean. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { z } from 'zod';
import { limits } from '../../../contract/limits.ts';
import { byteSizeSchema } from '../../declaration/byte-size.ts';
import { durationSchema } from '../../declaration/duration.ts';
import { controlActions } from '../../rollout/campaigns/control.ts';
import { maxDevices } from '../../simulation/event-queue.ts';
import { type LogDepth, logDepths } from '../../simulation/log.ts';
import { type SimulatedOutcome, simulatedOutcomes } from '../../simulation/result.ts';
import type { PlannedAction } from '../../simulation/simulate.ts';

export interface SimulationOptions {
  readonly devices: number;
  readonly fleet?: string;
  readonly seed: number;
  /** One, unless `runs` is given. */
  readonly failureRate: readonly number[];
  readonly runs?: number;
  readonly offline: number;
  readonly rollout?: string;
  readonly speed?: readonly number[];
  readonly size: number;
  readonly poll?: number;
  readonly updateTime: number;
  readonly start: number;
  readonly for: number;
  readonly act: readonly PlannedAction[];
  readonly log?: LogDepth | true;
  readonly everyCheck: boolean;
  readonly svg?: string;
  readonly expect?: SimulatedOutcome;
}

export const usualSpeed = 8;
/** A Monday, so that a simulation without a start is the same whenever it runs. */
const usualStart = '2026-01-05T00:00:00Z';

export function withSimulationOptions(command: Command): Command {
  const option = (flags: string, text: string) => new Option(flags, text);
  return command
    .addOption(option('--devices <n>', 'how many to make up').argParser(whole(1, maxDevices)).default(1000))
    .addOption(option('--fleet <file>', 'take the devices of this file instead, as device ls --json writes it'))
    .addOption(
      option('--seed <n>', 'of everything that is drawn').argParser(whole(0, Number.MAX_SAFE_INTEGER)).default(1),
    )
    .addOption(
      option('--failure-rate <share>', 'devices on which the release fails: 0.06 or 6%; several by commas with --runs')
        .argParser(shares)
        .default([0], '0'),
    )
    .addOption(
      option(
        '--runs <n>',
        'how often, with other chances each time: prints how the outcomes are distributed',
      ).argParser(whole(1, 100_000)),
    )
    .addOption(option('--offline <share>', 'devices out of reach: 0.3 or 30%').argParser(share).default(0))
    .addOption(option('--rollout <name>', 'the one that the result is about; else the last one to end'))
    .addOption(option('--speed <Mbit/s>', 'of links, 8 unless given; several by commas or repeated').argParser(speeds))
    .addOption(option('--size <bytes>', 'that a device downloads').argParser(by(byteSizeSchema)).default(5e6, '5MB'))
    .addOption(option('--poll <time>', 'between checks; else as the Fleet says, or 15m').argParser(pollTime))
    .addOption(
      option('--update-time <time>', 'from switch to commit').argParser(by(durationSchema)).default(1200, '20m'),
    )
    .addOption(option('--start <instant>', 'RFC 3339').argParser(instant).default(Date.parse(usualStart), usualStart))
    .addOption(
      option('--for <time>', 'longest time to simulate')
        .argParser(by(durationSchema))
        .default(90 * 86_400, '90d'),
    )
    .addOption(
      option('--act <time:action[:rollout]>', `as an operator would: 6h:pause; ${controlActions.join(', ')}`)
        .argParser(actions)
        .default([], 'nothing'),
    )
    .addOption(option('--log [depth]', 'tell what happens, on stderr').choices(logDepths))
    .addOption(
      option('--every-check', 'simulate also checks whose answer cannot change; slow, same result').default(false),
    )
    .addOption(option('--svg <file>', 'draw the timeline'))
    .addOption(option('--expect <outcome>', 'end with 8 when it comes out otherwise').choices(simulatedOutcomes));
}

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) return number;
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`);
  };
}

/** `0.06` and `6%` are the same. */
function share(text: string): number {
  const found = /^(\d+(?:\.\d+)?)(%?)$/.exec(text);
  const value = found ? Number(found[1]) / (found[2] ? 100 : 1) : Number.NaN;
  if (value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('Expected a share from 0 to 1, or a percentage such as 6%.');
}

function shares(text: string): readonly number[] {
  return text.split(',').map(share);
}

function speeds(text: string, before: readonly number[] | undefined): readonly number[] {
  const found = text.split(',').map(Number);
  if (found.every((speed) => speed > 0 && speed <= 1e6)) return [...(before ?? []), ...found];
  throw new InvalidArgumentError('Expected megabits a second, above 0.');
}

function pollTime(text: string): number {
  const seconds = by(durationSchema)(text);
  if (seconds >= limits.minPollSeconds && seconds <= limits.maxPollSeconds) return seconds;
  throw new InvalidArgumentError(`Expected ${limits.minPollSeconds}s at least and ${limits.maxPollSeconds}s at most.`);
}

function instant(text: string): number {
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(at) && at >= 0) return at;
  throw new InvalidArgumentError('Expected a time such as 2026-01-05T00:00:00Z.');
}

function actions(text: string, before: readonly PlannedAction[]): readonly PlannedAction[] {
  const [time = '', word, rollout] = text.split(':');
  const action = controlActions.find((known) => known === word);
  if (!action)
    throw new InvalidArgumentError(`Expected a time and one of ${controlActions.join(', ')}, as in 6h:pause.`);
  return [...before, { afterSeconds: by(durationSchema)(time), action, rollout }];
}

function by(schema: z.ZodType<number>): (text: string) => number {
  return (text) => {
    const parsed = schema.safeParse(text);
    if (parsed.success) return parsed.data;
    throw new InvalidArgumentError(`${parsed.error.issues[0]?.message ?? 'Not understood'}.`);
  };
}
