/**
 * Declares the operations behind an operator's verbs, and opens them at a running server by its API, or straight on the
 * state on the server's machine. Both answer the same; what either changes is in force by the next check of any device.
 */
import { type Command, Option } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import type { EventFilter, EventView } from '../events/view.ts';
import type { WhyView } from '../explanation/view.ts';
import type { CallerView } from '../fleet/access/caller-view.ts';
import type { WrittenTokenOrder } from '../fleet/access/token-order.ts';
import type { MadeToken, TokenQuery, TokenStanding, TokenView } from '../fleet/access/token-view.ts';
import type { DeviceQuery } from '../fleet/device-filter.ts';
import type { DeviceDetail, DeviceStanding, DeviceView, LabelledDevice } from '../fleet/view.ts';
import type { ControlAction } from '../rollout/campaigns/control.ts';
import type { RolloutView } from '../rollout/campaigns/view.ts';
import { type CommandLine, type StatePlace, withStateOptions } from './command-line.ts';
import { operationsByServer } from './operations-by-server.ts';
import { operationsOnState } from './operations-on-state.ts';
import { addressOptions, warnOfOpenToken } from './options/server-options.ts';
import type { TokenSource } from './token-source.ts';

export interface FleetOperations {
  /** All in force, or every version of the one that is named, then with its overlaps. */
  rollouts(name?: string): Promise<RolloutView[]>;
  /** @param reason for the audit log; may be empty */
  control(name: string, action: ControlAction, reason: string): Promise<RolloutView[]>;
  /** All that every part of the query holds for, by id. */
  devices(query: DeviceQuery): AsyncIterable<DeviceView>;
  device(id: string): Promise<DeviceDetail>;
  /** @param reason for the audit log; may be empty */
  dismiss(id: string, action: 'revoke' | 'forget', reason: string): Promise<DeviceStanding>;
  /** @param reason for the audit log; may be empty */
  decide(id: string, status: 'accepted' | 'rejected', reason: string): Promise<DeviceStanding>;
  /** @param changes null takes a label away @returns all that it is given now */
  label(id: string, changes: Readonly<Record<string, string | null>>, reason: string): Promise<LabelledDevice>;
  why(id: string): Promise<WhyView>;
  /** Oldest first; all after an id, or the latest. */
  events(
    range: { readonly after: number } | { readonly latest: number },
    filter: EventFilter,
  ): AsyncIterable<EventView>;
  /** Oldest first. */
  tokens(query: TokenQuery): AsyncIterable<TokenView>;
  makeToken(order: WrittenTokenOrder): Promise<MadeToken>;
  revokeToken(id: string): Promise<TokenStanding>;
  /** By the token of --token-file or --token-command. */
  whoami(): Promise<CallerView>;
  /** Without end: what is recorded after an id. */
  follow(after: number, filter: EventFilter): AsyncIterable<EventView>;
  close(): Promise<void>;
}

export interface PlaceOptions extends StatePlace, TokenSource {
  readonly server?: string;
  readonly store?: string;
}

/** Of verbs that need no store. */
export function withPlaceOptions(command: Command): Command {
  const [server, ...tokens] = addressOptions('ask this server instead of the state here');
  return withStateOptions(tokens.reduce((all, option) => all.addOption(option), command.addOption(server)));
}

export function withStoreOptions(command: Command): Command {
  return withPlaceOptions(command).addOption(
    new Option('--store <url>', 'the store of releases, where the state here is used').env('SLIPWAY_STORE'),
  );
}

/** What was written on the command line wins over what the environment says. */
export async function withOperations<T>(
  line: CommandLine,
  command: Command,
  use: (operations: FleetOperations) => Promise<T>,
): Promise<T> {
  const options = command.opts<PlaceOptions>();
  const isWritten = (name: keyof PlaceOptions) => command.getOptionValueSource(name) === 'cli';
  const writtenState = isWritten('state') || isWritten('database');
  if (writtenState && isWritten('server')) {
    throw new SlipwayError('usage', 'expected either --server or --state and --database, not both');
  }
  const isServer = options.server !== undefined && !writtenState;
  if (isServer) await warnOfOpenToken(line, options);
  const operations = isServer ? operationsByServer(addressOf(options)) : await operationsOnState(line, options);
  try {
    return await use(operations);
  } finally {
    await operations.close();
  }
}

function addressOf({ server = '', tokenFile, tokenCommand }: PlaceOptions) {
  return { server, tokenFile, tokenCommand };
}

/** For the help of each verb that works in both ways. */
export const placeHelp = `
It asks the server of --server with the token of --token-file or --token-command (or SLIPWAY_SERVER, SLIPWAY_TOKEN_FILE and
SLIPWAY_TOKEN_COMMAND), or else reads the state on this machine (--state or --database).`;
