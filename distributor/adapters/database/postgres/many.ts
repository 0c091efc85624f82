/**
 * Makes one statement of PostgreSQL do for many sets of values what the statement given does for one: a round trip for
 * a whole group of steps. It knows the shapes that kysely gives to the statements that come in floods, and no others.
 */
import type { Value, ValueType } from '../step.ts';

/** Counts the sets of values, from 1. */
const ordinal = 'asked_n';

export interface Many {
  readonly sql: string;
  /** Each row of the answer has the number of the set that it belongs to. */
  readonly ordinal: typeof ordinal | undefined;
}

/**
 * @param types of `$1`, `$2` and so on
 * @throws TypeError for a statement of another shape
 */
export function manyOf(sql: string, types: readonly ValueType[]): Many {
  const columns = types.map((_, index) => `p${index + 1}`);
  const arrays = types.map((type, index) => `$${index + 1}::${type}[]`).join(', ');
  const asked = (more: readonly string[]) => `asked(${[...columns, ...more].join(', ')})`;
  const source = `unnest(${arrays}) as ${asked([])}`;
  const one = sql.replaceAll(/\$(\d+)/g, 'asked.p$1');
  if (one.startsWith('select ')) {
    const numbered = `unnest(${arrays}) with ordinality as ${asked([ordinal])}`;
    return { sql: `select asked.${ordinal}, found.* from ${numbered}, lateral (${one}) as found`, ordinal };
  }
  const insert = /^(insert into "\w+" \([^)]*\)) values \(([^()]*)\)( on conflict .*)?$/.exec(one);
  if (insert) {
    const [, into, values, conflict = ''] = insert;
    return { sql: `${into} select ${values} from ${source}${conflict}`, ordinal: undefined };
  }
  const change = /^(update "\w+" set [^()]*|delete from "\w+") where (.*)$/s.exec(one);
  if (!change) throw new TypeError(`a statement of an unknown shape: ${sql}`);
  const [, head = '', condition] = change;
  const joined = head.startsWith('update') ? 'from' : 'using';
  return { sql: `${head} ${joined} ${source} where ${condition}`, ordinal: undefined };
}

/** Sets of values as the arrays that the statement takes, one for each parameter. */
export function columnsOf(sets: readonly (readonly Value[])[], width: number): Value[][] {
  return Array.from({ length: width }, (_, column) => sets.map((values) => values[column] ?? null));
}
