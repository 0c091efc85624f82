/** Declares how much of the past `serve` keeps. */
import { type Command, Option } from 'commander';
import { SlipwayError } from '../../../contract/errors.ts';
import type { Retention } from '../../fleet/ports.ts';
import { parseCount, parseLifetime } from '../lifetime.ts';

export interface RetentionOptions {
  /** Of each device. */
  readonly keepReports: number;
  /** Seconds. */
  readonly keepAttempts: number;
  /** Seconds. */
  readonly keepEvents: number;
  readonly keepPlans: number;
}

const daySeconds = 86_400;

export function addRetentionOptions(command: Command): Command {
  return command
    .option('--keep-reports <n>', 'last reports of each device', parseCount, 8)
    .addOption(
      new Option('--keep-attempts <duration>', 'how devices fared in rollouts that ended and are declared no longer')
        .argParser(parseDays)
        .default(90 * daySeconds, '90d'),
    )
    .addOption(
      new Option('--keep-events <duration>', 'the audit log').argParser(parseDays).default(400 * daySeconds, '400d'),
    )
    .option(
      '--keep-plans <n>',
      'applied plans as they were; author and diff of older ones stay as long as events',
      parseCount,
      20,
    );
}

export function retentionOf({ keepAttempts, keepEvents, keepPlans }: RetentionOptions): Retention {
  return { plans: keepPlans, attemptDays: keepAttempts / daySeconds, eventDays: keepEvents / daySeconds };
}

/** Less than a day would take away what is under way. */
function parseDays(text: string): number {
  const seconds = parseLifetime(text);
  if (seconds >= daySeconds) return seconds;
  throw new SlipwayError('usage', `${text} is less than a day`, { hint: 'Write 1d, 90d or 400d.' });
}
