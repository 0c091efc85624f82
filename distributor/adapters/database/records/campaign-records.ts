/** Keeps campaigns in the fleet database, and the copy of them that checks are answered from. */
import type { Kysely, Selectable } from 'kysely';
import { campaignChanged } from '../../../events/audit.ts';
import type { CampaignKey, CampaignState, CampaignStatus, OpenedWave } from '../../../rollout/campaign.ts';
import { applyTransitionTo, type Transition } from '../../../rollout/campaigns/transition.ts';
import type { FleetTables } from '../fleet-tables.ts';
import { affectedBy, type DatabaseStep, firstOf, rowsOf } from '../step.ts';
import type { EventRecords } from './event-records.ts';

/** A campaign and its number in the other tables. */
interface KnownCampaign {
  readonly id: number;
  /** Undefined while it has not started. */
  readonly state: CampaignState | undefined;
}

type KnownCampaigns = (rollout: string, version: string) => KnownCampaign | undefined;

export type CampaignRecords = ReturnType<typeof campaignRecords>;

/** Steps of CampaignStore; those that append an event are run under the lock of events. */
export function campaignRecords(db: Kysely<FleetTables>, events: EventRecords) {
  const all = db.selectFrom('campaign').selectAll();
  /** Names never change, so they are kept whatever else does. */
  const keys = new Map<number, CampaignKey>();
  let copy: { readonly revision: number; readonly known: ReadonlyMap<string, KnownCampaign> } | undefined;

  /** The row, made when there is none; on PostgreSQL it stays as it is until this transaction ends. */
  function* locked({ rollout, version }: CampaignKey, at: number): DatabaseStep<Selectable<FleetTables['campaign']>> {
    const fresh = { started: 0, status: 'active', reason: '', waves: '[]', generation: 0, created_at: at };
    const making = db.insertInto('campaign').values({ rollout, version, ...fresh, changed_at: at });
    yield* affectedBy(making.onConflict((conflict) => conflict.columns(['rollout', 'version']).doNothing()));
    const touching = db.updateTable('campaign').set((eb) => ({ started: eb.ref('started') }));
    const [row] = yield* rowsOf(touching.where('rollout', '=', rollout).where('version', '=', version).returningAll());
    if (!row) throw new TypeError('the campaign that was just made is not there');
    return row;
  }

  return {
    *load(): DatabaseStep<CampaignState[]> {
      const started = all.where('started', '=', 1).orderBy('created_at').orderBy('id');
      return (yield* rowsOf(started)).map(stateOf);
    },

    /** See CampaignStore.applyTransition. */
    *apply(key: CampaignKey, transition: Transition, at: number, actor: string): DatabaseStep<boolean> {
      const row = yield* locked(key, at);
      const state = applyTransitionTo(row.started === 1 ? stateOf(row) : undefined, key, transition, at);
      if (state === undefined) return false;
      const { status, reason, openedWaves, generation, stalledAt = null, createdAt, changedAt } = state;
      const judged = { judged_from: state.judgedFrom ?? null };
      const values = { started: 1, status, reason, waves: JSON.stringify(openedWaves), generation };
      const times = { stalled_at: stalledAt, created_at: createdAt, changed_at: changedAt };
      yield* affectedBy(
        db
          .updateTable('campaign')
          .set({ ...values, ...times, ...judged })
          .where('id', '=', row.id),
      );
      yield* events.append(campaignChanged(transition, state, actor, at));
      yield* events.move();
      return true;
    },

    /** Its number, for an attempt of it. */
    *numberOf(key: CampaignKey, at: number): DatabaseStep<{ readonly id: number; readonly generation: number }> {
      const { rollout, version } = key;
      const columns = db.selectFrom('campaign').select(['id', 'generation']);
      const known = yield* firstOf(columns.where('rollout', '=', rollout).where('version', '=', version));
      return known ?? (yield* locked(key, at));
    },

    *keyOf(id: number): DatabaseStep<CampaignKey> {
      if (!keys.has(id)) {
        const rows = yield* rowsOf(db.selectFrom('campaign').select(['id', 'rollout', 'version']));
        for (const { id: one, rollout, version } of rows) keys.set(one, { rollout, version });
      }
      const key = keys.get(id);
      if (!key) throw new TypeError(`no campaign has the number ${id}`);
      return key;
    },

    /**
     * All campaigns as of a revision of what is in force, from memory unless the database has moved on.
     * @param revision as read in the same transaction
     */
    *known(revision: number): DatabaseStep<KnownCampaigns> {
      if (copy?.revision !== revision) {
        const rows = yield* rowsOf(all);
        const entries = rows.map((row): [string, KnownCampaign] => [
          keyText(row.rollout, row.version),
          { id: row.id, state: row.started === 1 ? stateOf(row) : undefined },
        ]);
        copy = { revision, known: new Map(entries) };
      }
      const { known } = copy;
      return (rollout, version) => known.get(keyText(rollout, version));
    },

    /** What was read may never have been committed. */
    forget(): void {
      copy = undefined;
      keys.clear();
    },
  };
}

function stateOf(row: Selectable<FleetTables['campaign']>): CampaignState {
  return {
    rollout: row.rollout,
    version: row.version,
    status: row.status as CampaignStatus,
    reason: row.reason,
    openedWaves: (JSON.parse(row.waves) as OpenedWave[]).map((wave) => ({ ...wave, closedAt: wave.closedAt })),
    generation: row.generation,
    stalledAt: row.stalled_at ?? undefined,
    judgedFrom: row.judged_from ?? undefined,
    createdAt: row.created_at,
    changedAt: row.changed_at,
  };
}

/** Neither name can hold a NUL. */
function keyText(rollout: string, version: string): string {
  return `${rollout}\0${version}`;
}
