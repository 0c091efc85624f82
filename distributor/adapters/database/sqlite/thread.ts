/**
 * Runs in the thread that reads a large SQLite file beside the one that answers: a connection of its own that changes
 * nothing, one question a message, one answer each, in order. See aside.ts.
 */
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import type { Question } from '../step.ts';

export interface AsideData {
  readonly file: string;
  readonly busyTimeoutMs: number;
}

export type AsideAnswer = { readonly rows: readonly unknown[] } | { readonly failure: string };

const { file, busyTimeoutMs } = workerData as AsideData;
const database = new Database(file, { timeout: busyTimeoutMs, readonly: true });
database.pragma('temp_store = MEMORY');

parentPort?.on('message', ({ sql, values }: Question) => parentPort?.postMessage(answerTo(sql, values)));

function answerTo(sql: string, values: Question['values']): AsideAnswer {
  try {
    const statement = database.prepare(sql);
    if (statement.reader) return { rows: statement.all(values) };
    statement.run(values);
    return { rows: [] };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}
