/** Every verb is given a command line: the outside world, and where its answer goes. */
import { readFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import type { Output } from '../../system/command-line/output.ts';
import type { StoreReader } from '../../system/store/reader.ts';
import type { RandomBytes } from '../fleet/access/token.ts';
import type { FleetState, StateUse } from '../fleet/ports.ts';
import type { OnlineSigner, OnlineSignerPlace } from '../freshness/ports.ts';
import type { Issuer } from '../people/issuers.ts';
import type { PersonLogin } from '../people/login-ports.ts';
import type { BearerVerifier } from '../people/people.ts';
import type { DeclarationSource, PlanReader } from '../reconcile/ports.ts';
import type { SourcePlace } from '../reconcile/source-place.ts';
import type { GateProbe } from '../rollout/campaigns/gates.ts';
import type { PermitSigner } from '../rollout/deciding/permit.ts';

/** What is not the command line: all that a verb reads, keeps and reaches. */
export interface DistributorWorld {
  /**
   * @param place a folder for SQLite, or the URL of a PostgreSQL database
   * @throws SlipwayError `database-unavailable`, `database-damaged`, `state-missing`, `already-running`, `usage`
   */
  openFleetState(place: string, use: StateUse): Promise<FleetState>;
  openStore(url: string): Promise<StoreReader>;
  openSource(place: SourcePlace): DeclarationSource;
  readonly readPlan: PlanReader;
  /** How many files and connections the process may have open; undefined where nobody says. */
  readonly descriptorLimit: number | undefined;
  openGateProbes(): GateProbe & { close(): Promise<void> };
  /** @throws SlipwayError `key-unreadable` */
  readPermitKey(source: string): Promise<PermitSigner>;
  readonly personLogin: PersonLogin;
  openBearerVerifier(issuers: readonly Issuer[]): BearerVerifier;
  openOnlineSigner(place: OnlineSignerPlace): OnlineSigner;
  readonly clock: () => number;
  readonly randomBytes: RandomBytes;
  /** As Services has it. */
  readonly chance: () => number;
}

export interface CommandLine extends DistributorWorld, Pick<Output, 'answer' | 'say'> {
  /**
   * A list of any length on stdout, written as it comes: under `--json` one value, `{"<name>":[…]}`, else the lines
   * that are made of it.
   */
  answerList<T>(
    name: string,
    items: AsyncIterable<T>,
    lines: (items: AsyncIterable<T>) => AsyncIterable<string>,
  ): Promise<void>;
  /** What goes on, in one line that the next one takes the place of; undefined takes it away. On a terminal only. */
  progress(text: string | undefined): void;
}

const defaultStateFolder = '/var/lib/slipway-distributor';

/** Where the fleet's state is: in a folder unless a database is named. */
export interface StatePlace {
  readonly state: string;
  /** postgres://user@host:port/name. */
  readonly database?: string;
  readonly databasePasswordFile?: string;
}

/** Adds the options of StatePlace. */
export function withStateOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--state <dir>', 'folder of the fleet database').env('SLIPWAY_STATE').default(defaultStateFolder),
    )
    .addOption(
      new Option('--database <url>', 'postgres://user@host:port/name: the fleet database in PostgreSQL instead').env(
        'SLIPWAY_DATABASE',
      ),
    )
    .addOption(
      new Option('--database-password-file <file>', 'its password, in one line; or in PGPASSWORD').env(
        'SLIPWAY_DATABASE_PASSWORD_FILE',
      ),
    );
}

const asVisitor: StateUse = { isServer: false };

/** @throws SlipwayError what CommandLine.openFleetState throws, and `key-unreadable` */
export async function openState(line: CommandLine, place: StatePlace, use = asVisitor): Promise<FleetState> {
  const { state, database, databasePasswordFile: file } = place;
  if (database === undefined) return line.openFleetState(state, use);
  // Neither the URL nor what parsing it says may be shown: it can hold the password.
  const url = URL.canParse(database) ? new URL(database) : undefined;
  if (!url || !['postgres:', 'postgresql:'].includes(url.protocol)) {
    throw new SlipwayError('usage', '--database is not the URL of a PostgreSQL database', {
      hint: 'Write postgres://user@host:5432/name, and the password into --database-password-file.',
    });
  }
  if (file !== undefined) url.password = encodeURIComponent(await readPassword(file));
  return line.openFleetState(url.href, use);
}

async function readPassword(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).replace(/\r?\n$/, '');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new SlipwayError('key-unreadable', `the password file ${file} cannot be read: ${reason}`, {
      cause,
      hint: 'Check --database-password-file and who may read it.',
    });
  }
}
