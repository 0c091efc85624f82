/** Prints tokens for people: a line each, and the text of a new one, once. */
import { SlipwayError } from '../../../contract/errors.ts';
import { type Field, fieldLines } from '../../../system/command-line/fields.ts';
import { printable } from '../../../system/command-line/printable.ts';
import { tableLines } from '../../../system/command-line/table.ts';
import { timeText } from '../../../system/command-line/times.ts';
import type { CallerView } from '../../fleet/access/caller-view.ts';
import { type FleetReach, reachWords } from '../../fleet/access/reach.ts';
import { tokenNameSchema } from '../../fleet/access/token-order.ts';
import type { MadeToken, TokenView } from '../../fleet/access/token-view.ts';
import type { CommandLine } from '../command-line.ts';

const heading = [
  'ID',
  'NAME',
  'PURPOSE',
  'STATUS',
  'FOR',
  'BOUNDS',
  'OWNER',
  'CREATED',
  'EXPIRES',
  'USES LEFT',
  'LAST USE',
];

export function tokenLines(tokens: AsyncIterable<TokenView>, now: number): AsyncIterable<string> {
  return tableLines(heading, tokens, (token) => rowOf(token, now), 'No such token.');
}

function rowOf(token: TokenView, now: number): string[] {
  const { id, name, purpose, status, deviceId, scopes, owner, createdAt, expiresAt, usesLeft, lastUsedAt } = token;
  return [
    id,
    printable(name ?? '-'),
    purpose,
    status,
    deviceId ?? (scopes.join(',') || '-'),
    boundsOf(token),
    printable(owner ?? '-'),
    timeText(createdAt, now),
    expiresAt === undefined ? 'never' : timeText(expiresAt, now),
    usesLeft === undefined ? '-' : String(usesLeft),
    lastUsedAt === undefined ? 'never' : timeText(lastUsedAt, now),
  ];
}

type ShownReach = { readonly [Part in keyof FleetReach]?: FleetReach[Part] | undefined };

function boundsOf({ products = [], groups = [], rollouts = [], readOnly = false }: ShownReach): string {
  return reachWords({ products, groups, rollouts, readOnly }) || '-';
}

/** Who asks, a line for each thing that is known of it. */
export function callerText({ grants, ...caller }: CallerView, now: number): string {
  const { createdAt } = caller;
  if (createdAt !== undefined) {
    const cells = rowOf({ ...caller, purpose: caller.purpose as TokenView['purpose'], createdAt }, now);
    return fieldLines(cells.map((cell, column): Field => [(heading[column] ?? '').toLowerCase(), cell])).join('\n');
  }
  const given = (grants ?? []).map((grant): Field => ['may', `${grant.scopes.join(',')}  ${boundsOf(grant)}`]);
  const who: Field = ['who', printable(caller.actor ?? caller.id)];
  const ends: Field[] = caller.expiresAt === undefined ? [] : [['expires', timeText(caller.expiresAt, now)]];
  const fields: Field[] = [who, ['purpose', caller.purpose], ...ends, ...given];
  return fieldLines(given.length > 0 ? fields : [...fields, ['may', '-']]).join('\n');
}

export function answerMade(line: CommandLine, made: MadeToken): void {
  line.say('Keep this token: it is shown once, the server has only its hash.');
  line.answer(made, made.token);
}

/** @throws SlipwayError `usage` */
export function parseTokenName(text: string): string {
  const parsed = tokenNameSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new SlipwayError('usage', `"${printable(text)}" is not a name for a token: ${parsed.error.issues[0]?.message}`);
}
