/** Declares and reads the options of `serve` that say how a device stands that enrols, and how long its bearers last. */
import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { SlipwayError } from '../../../contract/errors.ts';
import type { Acceptance } from '../../fleet/identity/acceptance.ts';
import { parseLifetime } from '../lifetime.ts';

export interface AcceptanceOptions {
  readonly accept: 'at-once' | 'by-hand' | 'listed';
  readonly acceptList?: string;
  /** Seconds. */
  readonly bearerLife: number;
}

const minBearerSeconds = 60;
const maxBearerSeconds = 7 * 86_400;

export function addAcceptanceOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--accept <how>', 'how devices that enrol are accepted; who is not waits for device accept')
        .choices(['at-once', 'by-hand', 'listed'])
        .default('at-once'),
    )
    .option('--accept-list <file>', 'ids that --accept listed accepts, one a line; read at each enrolment')
    .option('--bearer-life <duration>', 'how long a bearer of a device with a key lasts', parseBearerLife, 3600);
}

/** @throws SlipwayError `usage`; the function throws `document-unreadable` */
export function acceptanceOf({ accept, acceptList }: AcceptanceOptions): Acceptance {
  if ((accept === 'listed') !== (acceptList !== undefined)) {
    throw new SlipwayError('usage', 'expected --accept listed and --accept-list together, or neither');
  }
  if (acceptList === undefined) return async () => (accept === 'at-once' ? 'accepted' : 'pending');
  return async (id) => ((await readIds(acceptList)).has(id) ? 'accepted' : 'pending');
}

/** Text after `#` is for people. */
async function readIds(file: string): Promise<ReadonlySet<string>> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new SlipwayError('document-unreadable', `cannot read the list of devices ${file}: ${cause.code}`, { cause });
  });
  return new Set(text.split('\n').map((line) => line.replace(/#.*/, '').trim()));
}

function parseBearerLife(text: string): number {
  const seconds = parseLifetime(text);
  if (seconds >= minBearerSeconds && seconds <= maxBearerSeconds) return seconds;
  throw new SlipwayError('usage', `${text} is outside ${minBearerSeconds} s to 7 d`);
}
