/** `token create | ls | revoke`: tokens of operators and CI, and a list of all. */
import { Command, Option } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import { tokenCreated, tokenRevoked } from '../events/audit.ts';
import type { TokenRecord } from '../fleet/ports.ts';
import { type Scope, scopeNames, scopes } from '../fleet/scopes.ts';
import { mintToken } from '../fleet/token.ts';
import { type CommandLine, type StatePlace, withState, withStateOptions } from './command-line.ts';
import { parseLifetime } from './lifetime.ts';
import { localActor } from './local-actor.ts';
import { table } from './table.ts';

interface CreateOptions extends StatePlace {
  readonly purpose: 'operator' | 'ci';
  readonly scope: readonly Scope[];
  readonly expires?: string;
}

export function tokenCommand(line: CommandLine): Command {
  const command = new Command('token').description('make, list and revoke tokens');
  withStateOptions(command.command('create'))
    .description('make a token for a person or for CI; its text is shown once')
    .addOption(new Option('--purpose <who>', 'who will use it').choices(['operator', 'ci']).makeOptionMandatory())
    .addOption(
      new Option('--scope <scope...>', 'what it may do, one or several').choices(scopeNames).makeOptionMandatory(),
    )
    .option('--expires <duration>', 'when it ends, such as 90d; never when left out')
    .addHelpText(
      'after',
      `\nScopes:\n${scopeHelp()}\n\nExample:\n  slipway-distributor token create --purpose operator --scope rollouts:read rollouts:control --expires 90d`,
    )
    .action((options: CreateOptions) => createToken(line, options));
  withStateOptions(command.command('ls'))
    .description('list tokens, never their text')
    .addHelpText('after', '\nExample:\n  slipway-distributor token ls --json')
    .action((place: StatePlace) => listTokens(line, place));
  withStateOptions(command.command('revoke <id>'))
    .description('refuse a token from the next request on')
    .addHelpText('after', '\nExample:\n  slipway-distributor token revoke 3f1c0a9b2e44')
    .action((id: string, place: StatePlace) => revokeToken(line, place, id));
  return command;
}

async function createToken(line: CommandLine, options: CreateOptions): Promise<void> {
  const lifetimeSeconds = options.expires === undefined ? undefined : parseLifetime(options.expires);
  const { purpose, scope } = options;
  const minted = mintToken({
    purpose,
    scopes: [...new Set(scope)],
    lifetimeSeconds,
    now: line.clock(),
    randomBytes: line.randomBytes,
  });
  const event = tokenCreated(minted.record, localActor(), line.clock());
  await withState(line, options, (fleet) => fleet.saveToken(minted.record, event));
  line.say('Keep this token: it is shown once, the server has only its hash.');
  line.answer({ token: minted.token, ...viewOf(minted.record, line.clock()) }, minted.token);
}

async function listTokens(line: CommandLine, place: StatePlace): Promise<void> {
  const now = line.clock();
  const tokens = (await withState(line, place, (fleet) => fleet.listTokens())).map((token) => viewOf(token, now));
  const rows = tokens.map((token) => [
    token.id,
    token.purpose,
    token.status,
    token.deviceId ?? token.scopes.join(','),
    token.expiresAt ?? 'never',
    token.usesLeft === undefined ? '' : String(token.usesLeft),
  ]);
  line.answer({ tokens }, table(['ID', 'PURPOSE', 'STATUS', 'FOR', 'EXPIRES', 'USES LEFT'], rows));
}

async function revokeToken(line: CommandLine, place: StatePlace, id: string): Promise<void> {
  const now = line.clock();
  const event = tokenRevoked(id, localActor(), now);
  const isKnown = await withState(line, place, (fleet) => fleet.revokeToken(id, now, event));
  if (!isKnown) {
    throw new SlipwayError('token-unknown', `no token has the id ${id}`, {
      hint: 'List them with slipway-distributor token ls.',
    });
  }
  line.answer({ id, status: 'revoked' }, `Token ${id} is revoked.`);
}

/** Everything but the hash. */
export function viewOf(token: TokenRecord, now: number) {
  const { id, purpose, scopes: allowed, deviceId, createdAt, expiresAt, usesLeft } = token;
  return {
    id,
    purpose,
    scopes: allowed,
    deviceId,
    status: statusOf(token, now),
    createdAt: new Date(createdAt).toISOString(),
    expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt).toISOString(),
    usesLeft,
  };
}

function statusOf(token: TokenRecord, now: number): 'valid' | 'revoked' | 'expired' | 'spent' {
  if (token.revokedAt !== undefined) return 'revoked';
  if (token.expiresAt !== undefined && token.expiresAt <= now) return 'expired';
  return token.usesLeft === 0 ? 'spent' : 'valid';
}

function scopeHelp(): string {
  return Object.entries(scopes)
    .map(([name, meaning]) => `  ${name.padEnd(18)} ${meaning}`)
    .join('\n');
}
