/** Records what comes of campaigns besides their transitions: gates that do not hold, and reverts that begin. */
import type { Plan } from '../declaration/plan.ts';
import { type CampaignKey, campaignText } from '../rollout/campaign.ts';
import type { CampaignEvent } from '../rollout/campaigns/campaign-event.ts';
import { gateClosed, revertBegun } from './audit.ts';
import type { AuditEvent, EventStore } from './ports.ts';

interface CampaignLogInput {
  readonly store: Pick<EventStore, 'appendEvent'>;
  /** Whether an abort of the rollout sends devices back. */
  readonly reverts: (rollout: string) => boolean;
  readonly clock: () => number;
  readonly onProblem: (error: unknown) => void;
}

/** Waves remembered at once; a forgotten one may be told once more. */
const maxRemembered = 1000;

export class CampaignLog {
  readonly #input: CampaignLogInput;
  /** Reasons that a wave's gate gave already: each is told once a wave. */
  readonly #recorded = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(input: CampaignLogInput) {
    this.#input = input;
  }

  note(event: CampaignEvent): void {
    const { clock, reverts } = this.#input;
    if (event.kind === 'held') {
      const { key, wave, wait } = event;
      const name = `${campaignText(key)} ${wave} ${wait.reason}`;
      if (this.#recorded.has(name)) return;
      if (this.#recorded.size >= maxRemembered) this.#recorded.clear();
      this.#recorded.add(name);
      this.#append(gateClosed(key, wave, wait, clock()), () => this.#recorded.delete(name));
    } else if (isAbort(event) && reverts(event.key.rollout)) {
      this.#append(revertBegun(event.key, clock()));
    }
  }

  /** Resolves when all that was noted is on record, or was told as a problem. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  /** What waits for the database holds up no campaign. */
  #append(event: AuditEvent, onFailure: () => void = () => {}): void {
    const appended = this.#input.store
      .appendEvent(event)
      .catch((error: unknown) => {
        onFailure();
        this.#input.onProblem(error);
      })
      .finally(() => this.#underWay.delete(appended));
    this.#underWay.add(appended);
  }
}

function isAbort(event: CampaignEvent): event is CampaignEvent & { readonly key: CampaignKey } {
  return event.kind === 'advanced'
    ? event.transition.kind === 'abort'
    : event.kind === 'controlled' && event.action === 'abort';
}

export function revertsOnAbort({ rollouts }: Plan, name: string): boolean {
  return rollouts.some((rollout) => rollout.name === name && rollout.abort.revert);
}
