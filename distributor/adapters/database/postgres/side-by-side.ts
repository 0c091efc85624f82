/**
 * Runs many steps on one connection at once: in each round the next questions of all of them go out together, those
 * that differ only in their values as one statement. Steps that share a key come one after the other, in the order
 * given.
 */
import type pg from 'pg';
import type { DatabaseStep, Question, StepAnswer } from '../step.ts';
import { answerNext, ask, StepFailure } from './connection.ts';
import { columnsOf, type Many, manyOf } from './many.ts';

interface RunStep {
  readonly step: DatabaseStep<unknown>;
  readonly keys: readonly string[];
}

export type StepResult = { readonly value: unknown } | { readonly failure: unknown };

/** A step failed after it had written: what it wrote must go, and the whole transaction with it. */
export class WroteInVain extends Error {}

interface Going {
  readonly run: RunStep;
  question: Question | undefined;
  hasWritten: boolean;
  ended: StepResult | undefined;
}

/**
 * @returns how each ended, in order
 * @throws WroteInVain, and what the database fails with
 */
export async function sideBySide(client: pg.PoolClient, runs: readonly RunStep[]): Promise<StepResult[]> {
  const all = runs.map((run): Going => ({ run, question: undefined, hasWritten: false, ended: undefined }));
  for (let left: readonly Going[] = all; left.length > 0; left = left.filter(({ ended }) => !ended)) {
    const asking: Going[] = [];
    const taken = new Set<string>();
    for (const going of left) {
      const isFree = going.run.keys.every((key) => !taken.has(key));
      for (const key of going.run.keys) taken.add(key);
      if (!isFree) continue;
      if (going.question === undefined) proceed(going);
      if (!going.ended) asking.push(going);
    }
    const settled = await Promise.allSettled([...alike(asking).values()].map((group) => askTogether(client, group)));
    for (const one of settled) if (one.status === 'rejected') throw one.reason;
  }
  return all.map(({ ended }) => ended ?? { failure: new TypeError('a step did not end') });
}

function proceed(going: Going, answer?: StepAnswer): void {
  try {
    const next = answerNext(going.run.step, answer);
    if (next.done) going.ended = { value: next.value };
    else going.question = next.value;
  } catch (error) {
    const failure = error instanceof StepFailure ? error.cause : error;
    if (going.hasWritten) throw new WroteInVain('a step failed after it had written', { cause: failure });
    going.ended = { failure };
  }
}

const isRead = ({ sql }: Question) => sql.startsWith('select ');

/** Groups that one statement answers. */
function alike(asking: readonly Going[]): Map<string, Going[]> {
  const groups = new Map<string, Going[]>();
  for (const [index, going] of asking.entries()) {
    const { question } = going;
    if (!question) continue;
    const { sql, values, types } = question;
    const own = isRead(question) ? `${sql}\n${JSON.stringify(values)}` : `${index}`;
    const key = types ? sql : own;
    const group = groups.get(key);
    if (group) group.push(going);
    else groups.set(key, [going]);
  }
  return groups;
}

async function askTogether(client: pg.PoolClient, group: readonly Going[]): Promise<void> {
  const [first] = group;
  const question = first?.question;
  if (!question) return;
  if (!isRead(question)) for (const going of group) going.hasWritten = true;
  if (group.length === 1 || !question.types) {
    const answer = await ask(client, question);
    for (const going of group) proceed(going, answer);
    return;
  }
  const many = knownMany(question.sql, question.types);
  const sets = group.map((going) => going.question?.values ?? []);
  const { rows } = await ask(client, { sql: many.sql, values: columnsOf(sets, question.types.length) as never });
  const rowsOf = many.ordinal ? byOrdinal(rows as Numbered[], group.length) : undefined;
  for (const [index, going] of group.entries()) proceed(going, { rows: rowsOf?.[index] ?? [], affected: 1 });
}

interface Numbered {
  readonly asked_n: number;
}

function byOrdinal(rows: readonly Numbered[], count: number): unknown[][] {
  const found: unknown[][] = Array.from({ length: count }, () => []);
  for (const row of rows) found[row.asked_n - 1]?.push(row);
  return found;
}

const texts = new Map<string, Many>();

function knownMany(sql: string, types: NonNullable<Question['types']>): Many {
  const known = texts.get(sql) ?? manyOf(sql, types);
  texts.set(sql, known);
  return known;
}
