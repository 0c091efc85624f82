/** Judges how the API server answers: whether that says something about this box, or about a server elsewhere. Pure. */

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
    const saw = `${what} answers ${answer.status}${answer.body === '' ? '' : `: ${firstLine(answer.body)}`}`;
    // A server elsewhere that is in trouble, such as one that is updated just now.
    return evidence(step, !side.isOwn && answer.status >= 500 ? 'undecided' : 'failed', saw);
  }
  const saw = `${what} at ${side.server}: ${answer.message}`;
  return evidence(step, isElsewhere(answer.why, side) ? 'undecided' : 'failed', saw);
}

/** An agent without its server waits, and so does whoever judges it. */
function isElsewhere(why: Exclude<Answer, { kind: 'answer' }>['why'], side: ApiSide): boolean {
  if (side.isOwn || why === 'certificate') return false;
  if (!side.isBalanced) return true;
  return why !== 'refused' && side.isReachable !== true;
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0]?.slice(0, 120) ?? '';
}
