/**
 * A step is one piece of work on the fleet's database, written as a generator that asks for rows: the same code runs
 * synchronously inside a transaction of SQLite and with waiting inside one of PostgreSQL. Steps keep nothing between
 * two questions that a second run would miss: a database may run one again when its commit failed.
 */
import { type Compilable, type RawBuilder, sql } from 'kysely';

export type Value = string | number | null;

export interface Question {
  readonly sql: string;
  readonly values: readonly Value[];
  /** Set where the text is always the same, so that the database parses it once. */
  readonly name: string | undefined;
  /** Of each value, where many steps may be asked for at once and nobody needs to know how many rows each changed. */
  readonly types?: readonly ValueType[];
}

export type ValueType = 'text' | 'bigint' | 'double precision';

/** All of these slots have one type; see Prepared.often. */
export function slots<Name extends string>(type: ValueType, ...names: readonly Name[]): Record<Name, ValueType> {
  return Object.fromEntries(names.map((name) => [name, type])) as Record<Name, ValueType>;
}

export interface StepAnswer {
  readonly rows: readonly unknown[];
  /** Rows inserted, changed or deleted. */
  readonly affected: number;
}

export type DatabaseStep<T> = Generator<Question, T, StepAnswer>;

export function* rowsOf<Row>(query: Compilable<Row>): DatabaseStep<Row[]> {
  return (yield questionOf(query)).rows as Row[];
}

export function* firstOf<Row>(query: Compilable<Row>): DatabaseStep<Row | undefined> {
  return (yield* rowsOf(query))[0];
}

/** @returns how many rows it inserted, changed or deleted */
export function* affectedBy(query: Compilable): DatabaseStep<number> {
  return (yield questionOf(query)).affected;
}

function questionOf(query: Compilable): Question {
  const { sql: text, parameters } = query.compile();
  return { sql: text, values: parameters as readonly Value[], name: undefined };
}

/** Makes what stands in a query for a value that is given each time it runs. */
export type SlotOf<Name extends string> = (name: Name) => RawBuilder<never>;

/** A slot; other parameters are the same each time. */
class Named {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** A query that is compiled once and asked often. */
export class Prepared<Name extends string, Row> {
  readonly #sql: string;
  readonly #parameters: readonly (Named | Value)[];
  readonly #name: string;
  readonly #types: readonly ValueType[] | undefined;

  private constructor(text: string, parameters: readonly (Named | Value)[], types: readonly ValueType[] | undefined) {
    this.#sql = text;
    this.#parameters = parameters;
    this.#types = types;
    prepared += 1;
    this.#name = `slipway_${prepared}`;
  }

  static from<Name extends string, Row>(build: (slot: SlotOf<Name>) => Compilable<Row>): Prepared<Name, Row> {
    const { text, parameters } = compiledOf(build);
    return new Prepared(text, parameters, undefined);
  }

  /** One that comes in floods: a database may ask it once for many steps. @param types of the slots */
  static often<Name extends string, Row>(
    types: Readonly<Record<Name, ValueType>>,
    build: (slot: SlotOf<Name>) => Compilable<Row>,
  ): Prepared<Name, Row> {
    const { text, parameters } = compiledOf(build);
    const ofEach = parameters.map((one) => {
      if (one instanceof Named) return types[one.name as Name];
      return typeof one === 'number' ? 'bigint' : 'text';
    });
    return new Prepared(text, parameters, ofEach);
  }

  *rows(values: Readonly<Record<Name, Value>>): DatabaseStep<Row[]> {
    return (yield this.#question(values)).rows as Row[];
  }

  *first(values: Readonly<Record<Name, Value>>): DatabaseStep<Row | undefined> {
    return (yield this.#question(values)).rows[0] as Row | undefined;
  }

  /** Changes what it changes; see Question.types. */
  *change(values: Readonly<Record<Name, Value>>): DatabaseStep<void> {
    yield this.#question(values);
  }

  #question(values: Readonly<Record<Name, Value>>): Question {
    const given = this.#parameters.map((one) => (one instanceof Named ? values[one.name as Name] : one));
    const types = this.#types;
    return { sql: this.#sql, values: given, name: this.#name, ...(types ? { types } : {}) };
  }
}

function compiledOf<Name extends string>(build: (slot: SlotOf<Name>) => Compilable) {
  const compiled = build((name) => sql<never>`${new Named(name)}`).compile();
  return { text: compiled.sql, parameters: compiled.parameters as readonly (Named | Value)[] };
}

/** Names are unique among all connections of the process. */
let prepared = 0;
