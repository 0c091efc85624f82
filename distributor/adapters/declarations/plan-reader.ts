/**
 * Reads declarations: more than a few kilobytes in a thread of its own, bounded in time and memory and ended beyond, so
 * that requests are answered meanwhile, whatever somebody wrote. One at a time; the thread's program lies beside this
 * one, see plan-thread.ts.
 */
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { SlipwayError } from '../../../contract/errors.ts';
import { limits } from '../../../contract/limits.ts';
import { type Plan, parsePlan, type SourceFile } from '../../declaration/plan.ts';
import { PlanError } from '../../declaration/problem.ts';
import type { PlanReader } from '../../reconcile/ports.ts';
import { SerialQueue } from '../../serial-queue.ts';
import type { ReadAnswer } from './plan-thread.ts';

interface ReadBounds {
  readonly timeoutMs: number;
  readonly maxMemoryMegabytes: number;
  /** As much as this is read here at once: a few milliseconds, and a thread takes hundreds to start. */
  readonly maxBytesHere: number;
}

const readBounds: ReadBounds = {
  timeoutMs: limits.maxPlanReadMs,
  maxMemoryMegabytes: limits.maxPlanReadMegabytes,
  maxBytesHere: 16 * 1024,
};

export function planReader(bounds: ReadBounds = readBounds): PlanReader {
  const readings = new SerialQueue();
  return (files) => {
    const isSmall = files.reduce((sum, { text }) => sum + text.length, 0) <= bounds.maxBytesHere;
    return readings.run(() => (isSmall ? readHere(files) : readInThread(files, bounds)));
  };
}

/** A plan passes as JSON, as it does between threads. */
function readHere(files: readonly SourceFile[]): Plan {
  return JSON.parse(JSON.stringify(parsePlan(files))) as Plan;
}

async function readInThread(files: readonly SourceFile[], bounds: ReadBounds): Promise<Plan> {
  const thread = new Worker(threadProgram(), {
    workerData: files,
    resourceLimits: { maxOldGenerationSizeMb: bounds.maxMemoryMegabytes },
    execArgv: [],
  });
  let late: NodeJS.Timeout | undefined;
  try {
    return planOf(
      await new Promise<ReadAnswer>((resolve, reject) => {
        thread.once('message', resolve);
        thread.once('error', (error) => reject(whyEnded(error, bounds)));
        thread.once('exit', () => reject(new SlipwayError('internal', 'the reading thread ended without an answer')));
        late = setTimeout(() => reject(tooComplex(`${bounds.timeoutMs / 1000} s`)), bounds.timeoutMs);
      }),
    );
  } finally {
    clearTimeout(late);
    await thread.terminate();
  }
}

function planOf(answer: ReadAnswer): Plan {
  switch (answer.kind) {
    case 'plan':
      return JSON.parse(answer.json) as Plan;
    case 'problems':
      throw new PlanError(answer.problems, answer.total);
    case 'failure': {
      const { code, message, hint } = answer.description;
      throw new SlipwayError(code, message, { hint });
    }
    default:
      return answer satisfies never;
  }
}

function whyEnded(error: unknown, { maxMemoryMegabytes }: ReadBounds): SlipwayError {
  if ((error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY') {
    return tooComplex(`${maxMemoryMegabytes} MB of memory`);
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new SlipwayError('internal', `the reading thread failed: ${reason}`, { cause: error });
}

function tooComplex(bound: string): SlipwayError {
  return new SlipwayError('document-too-complex', `the declarations need more than ${bound} to be read`, {
    hint: 'Declare less at once, without anchors and deep nesting; what was applied last stays in force.',
  });
}

/** The program beside this file: its source in development, its bundle in a shipped distributor. */
function threadProgram(): string {
  const name = import.meta.url.endsWith('.ts') ? 'plan-thread.ts' : 'slipway-distributor-plan.mjs';
  return fileURLToPath(new URL(name, import.meta.url));
}
