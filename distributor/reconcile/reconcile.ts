/**
 * Keeps the declared plan in force: takes up the last good one at a start, reads its source when that changes, applies
 * a revision as a whole or not at all, and records what it did. Decides nothing about devices.
 */
import { type ErrorCode, SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import { emptyPlan, type Plan, type SourceFile } from '../declaration/plan.ts';
import { SerialQueue } from '../serial-queue.ts';
import type { AppliedPlan } from './applied-plan.ts';
import { diffPlans, type PlanDiff } from './diff.ts';
import type { DeclarationSource, PlanInForce, PlanReader, PlanStore, SourceSnapshot } from './ports.ts';
import { contentRevision, contentSha256 } from './revision.ts';

/** What happened, for the log and the metrics. */
export type ReconcileEvent =
  | { readonly kind: 'applied'; readonly applied: AppliedPlan }
  /** Told once for each distinct problem. */
  | ({ readonly kind: 'refused' } & PlanRefusal)
  | { readonly kind: 'healed' };

/** Why the source as it is now is not in force. */
interface PlanRefusal {
  readonly problem: SlipwayError;
  /** What was refused; undefined where the source could not be read at all. */
  readonly snapshot: Pick<SourceSnapshot, 'revision' | 'author' | 'subject'> | undefined;
}

interface ReconcilerInput {
  /** Undefined where plans come by API. */
  readonly source: DeclarationSource | undefined;
  readonly store: PlanStore;
  readonly readPlan: PlanReader;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Take a revision that does not build on the one in force. */
  readonly allowRewrite: boolean;
  readonly observe: (event: ReconcileEvent) => void;
}

/** A set of files that somebody sends. */
interface SentPlan {
  readonly files: readonly SourceFile[];
  readonly author: string;
  readonly subject: string;
}

/** They say something about a text, and the same of it each time. */
const unfitCodes: readonly ErrorCode[] = ['document-invalid', 'document-too-complex'];

export class Reconciler implements PlanInForce {
  readonly #input: ReconcilerInput;
  readonly #listeners = new Set<(plan: Plan) => void>();
  #applied: AppliedPlan | undefined;
  #refusal: PlanRefusal | undefined;
  /** A revision whose text is no plan: it is not read again as long as it is the newest. */
  #unfit: (PlanRefusal & { readonly revision: string }) | undefined;
  /** Refusals told since the plan in force came. */
  readonly #recorded = new Set<string>();
  #lookedAt: number | undefined;
  #stopWatching: (() => void) | undefined;
  readonly #changes = new SerialQueue();

  constructor(input: ReconcilerInput) {
    this.#input = input;
  }

  get plan(): Plan {
    return this.#applied?.plan ?? emptyPlan;
  }

  /** What was applied last; undefined before the first plan. */
  get applied(): AppliedPlan | undefined {
    return this.#applied;
  }

  /** When what is in force was last found to be what its source has; milliseconds since 1970. */
  get lookedAt(): number | undefined {
    return this.#lookedAt;
  }

  get problem(): SlipwayError | undefined {
    return this.#refusal?.problem;
  }

  get refusal(): PlanRefusal | undefined {
    return this.#refusal;
  }

  /** Where plans come from, without credentials; undefined where they come by API. */
  get location(): string | undefined {
    return this.#input.source?.location;
  }

  onChange(listener: (plan: Plan) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Puts the last good plan in force, then looks at the source and goes on looking. A source that is away delays a
   * start only where there is no plan yet.
   * @throws SlipwayError `database-unavailable`
   */
  async start(): Promise<void> {
    const { source } = this.#input;
    await this.#changes.run(() => this.#takeUp());
    const first = this.reconcile();
    if (!source?.isRemote || this.#applied === undefined) await first;
    this.#stopWatching = source?.watch(() => void this.reconcile());
  }

  /** Looks at the source no more; what is under way finishes on its own. */
  stop(): void {
    this.#stopWatching?.();
  }

  /** Brings the newest revision into force where that is possible; where not, only `problem` changes. Never rejects. */
  reconcile(): Promise<void> {
    return this.#changes.run(async () => {
      try {
        // Replicas see a branch at different times: one of them says what is in force, the others follow it.
        const led = await this.#input.store.asLeader(async () => ({ refusal: await this.#applyNewest() }));
        if (!led) await this.#takeUp();
        await this.#settle(led?.refusal);
      } catch (error) {
        await this.#settle({ problem: toSlipwayError(error), snapshot: undefined });
      }
    });
  }

  /**
   * Brings what was sent into force, or only says what that would change.
   * @throws SlipwayError `plan-managed-elsewhere`, `document-invalid` with the problems, `document-too-complex`,
   *   `database-unavailable`
   */
  apply(sent: SentPlan, options: { readonly dryRun: boolean }): Promise<AppliedPlan> {
    return this.#changes.run(async () => {
      const { source } = this.#input;
      if (source) {
        throw new SlipwayError('plan-managed-elsewhere', `rollouts come from ${source.location}, not by API`, {
          hint: 'Change them there; or start the server with --rollouts-api to apply plans by API.',
        });
      }
      await this.#takeUp();
      const plan = await this.#input.readPlan(sent.files);
      const candidate = this.#candidate(plan, sent.files, { ...sent, revision: contentRevision(sent.files) });
      if (!options.dryRun && candidate.revision !== this.#applied?.revision) await this.#bringIntoForce(candidate);
      return candidate;
    });
  }

  /**
   * Takes up what another replica applied, without looking at the source. @throws SlipwayError `database-unavailable`
   */
  async catchUp(): Promise<void> {
    await this.#takeUp();
    // Where plans come by API the database is the source.
    if (!this.#input.source) this.#lookedAt = this.#input.clock();
  }

  async #applyNewest(): Promise<PlanRefusal | undefined> {
    const { source, allowRewrite } = this.#input;
    await this.#takeUp();
    const before = this.#applied;
    const snapshot = await source?.read(before?.revision);
    if (snapshot === undefined || snapshot.ancestry === 'same') return undefined;
    try {
      if (snapshot.ancestry === 'rewritten' && !allowRewrite) throw rewritten(snapshot, before);
      if (snapshot.revision === this.#unfit?.revision) return this.#unfit;
      const files = await snapshot.files();
      const plan = await this.#input.readPlan(files);
      await this.#takeUp();
      // Reading may take minutes. A replica that led meanwhile may know newer commits: the next look takes what is
      // there then.
      if (this.#applied === before) await this.#bringIntoForce(this.#candidate(plan, files, snapshot));
      return undefined;
    } catch (error) {
      const { revision, author, subject } = snapshot;
      const refusal = { problem: toSlipwayError(error), snapshot: { revision, author, subject } };
      if (unfitCodes.includes(refusal.problem.code)) this.#unfit = { ...refusal, revision };
      return refusal;
    }
  }

  #candidate(
    plan: Plan,
    files: readonly SourceFile[],
    said: Pick<AppliedPlan, 'revision' | 'author' | 'subject'>,
  ): AppliedPlan {
    const { revision, author, subject } = said;
    return {
      plan,
      contentSha256: contentSha256(files),
      revision,
      author,
      subject,
      appliedAt: this.#input.clock(),
      diff: diffPlans(this.plan, plan),
    };
  }

  async #bringIntoForce(applied: AppliedPlan): Promise<void> {
    await this.#input.store.savePlan(applied);
    this.#put(applied, applied.diff);
    this.#input.observe({ kind: 'applied', applied });
  }

  /** What another replica applied, or an earlier run of this one. */
  async #takeUp(): Promise<void> {
    let before: AppliedPlan | undefined;
    let kept: AppliedPlan | undefined;
    do {
      before = this.#applied;
      kept = await this.#input.store.loadPlan();
      // What came into force here meanwhile is newer than what was read.
    } while (before !== this.#applied);
    if (!kept || (kept.revision === before?.revision && kept.appliedAt === before.appliedAt)) return;
    this.#put(kept, diffPlans(this.plan, kept.plan));
  }

  #put(applied: AppliedPlan, diff: PlanDiff): void {
    this.#applied = applied;
    this.#recorded.clear();
    if (diff.length > 0) for (const listener of this.#listeners) listener(applied.plan);
  }

  async #settle(refusal: PlanRefusal | undefined): Promise<void> {
    const { store, clock, observe } = this.#input;
    if (this.#refusal && !refusal) observe({ kind: 'healed' });
    this.#refusal = refusal;
    if (!refusal) {
      this.#lookedAt = clock();
      return;
    }
    const { problem, snapshot } = refusal;
    const key = `${snapshot?.revision} ${problem.code} ${problem.message}`;
    if (this.#recorded.has(key)) return;
    this.#recorded.add(key);
    observe({ kind: 'refused', ...refusal });
    // What may go away by itself is for the log; what somebody has to correct is on record, too.
    if (problem.retryable) return;
    await store.recordRefusal({ problem, ...snapshot }, clock()).catch(() => this.#recorded.delete(key));
  }
}

function rewritten({ revision }: SourceSnapshot, applied: AppliedPlan | undefined): SlipwayError {
  const message = `commit ${revision} does not build on ${applied?.revision}, which is in force`;
  return new SlipwayError('git-history-rewritten', message, {
    hint: 'Push a commit that builds on it; if the rewrite is meant, start with --git-allow-rewrite.',
  });
}
