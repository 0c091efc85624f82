/** Judges how the API server answers: whether that says something about this box, or about a server elsewhere. Pure. */
import * as z from 'zod';
import { type Evidence, evidence, type Step } from './evidence.ts';
import type { Answer } from './health-machine.ts';

export interface ApiSide {
  /** Host and port, for people. */
  readonly server: string;
  /** The API server runs on this box. */
  readonly isOwn: boolean;
  /** A load balancer on this box lies in between. */
  readonly isBalanced: boolean;
  /** Of a balanced one: somebody listens at a server itself. Undefined where that was not tried. */
  readonly isReachable?: boolean | undefined;
}

/** @returns undefined for an answer that can be read on */
export function objectionTo(answer: Answer, step: Step, what: string, side: ApiSide): Evidence | undefined {
  if (answer.kind === 'answer') {
    if (answer.status === 200) return undefined;
    const saw = [`${what} answers ${answer.status}`, reasonIn(answer.body)].filter((part) => part !== '').join(': ');
    return evidence(step, !side.isOwn && isInTrouble(answer.status, step) ? 'undecided' : 'failed', saw);
  }
  const saw = `${what} at ${side.server}: ${answer.message}`;
  return evidence(step, isElsewhere(answer.why, side) ? 'undecided' : 'failed', saw);
}

/** Such as one that is updated just now: until it has read its roles it refuses /readyz, which everybody known may ask. */
function isInTrouble(status: number, step: Step): boolean {
  return status >= 500 || (status === 403 && step === 'api');
}

/** An agent without its server waits, and so does whoever judges it. */
function isElsewhere(why: Exclude<Answer, { kind: 'answer' }>['why'], side: ApiSide): boolean {
  if (side.isOwn || why === 'certificate') return false;
  if (!side.isBalanced) return true;
  return why !== 'refused' && side.isReachable !== true;
}

/** One that starts has a dozen. */
const maxChecks = 3;

const statusSchema = z.object({ kind: z.literal('Status'), message: z.string() });

/** The checks of /readyz that fail, behind all those that pass; the message of a Status; or a first line. */
function reasonIn(body: string): string {
  const failing = [...body.matchAll(/^\[-\](\S+) failed/gm)].map(([, name]) => name);
  const more = failing.length > maxChecks ? ` and ${failing.length - maxChecks} more` : '';
  if (failing.length > 0) return `${failing.slice(0, maxChecks).join(', ')}${more} failed`;
  return statusIn(body)?.message ?? body.trim().split('\n')[0] ?? '';
}

function statusIn(body: string): z.output<typeof statusSchema> | undefined {
  try {
    return statusSchema.parse(JSON.parse(body));
  } catch {
    return undefined;
  }
}
