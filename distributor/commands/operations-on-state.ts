/**
 * Carries out the operations on a fleet straight on its state, on the server’s machine. Reading, deciding and recording
 * are the same as in the server, which need not run. It takes no step of a rollout by itself and asks no check of a
 * gate.
 */
import { setImmediate as pause } from 'node:timers/promises';
import { tokenSchema } from '../../contract/device-api/enrolment.ts';
import { SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import { Catalog } from '../catalog/catalog.ts';
import type { ReleaseIndex } from '../catalog/releases.ts';
import { composeRollouts, type Rollouts } from '../compose-rollouts.ts';
import { emptyPlan, type Plan } from '../declaration/plan.ts';
import { EventFeed } from '../events/feed.ts';
import { readLatest, readPage } from '../events/pages.ts';
import { type EventFilter, type EventView, eventViewOf } from '../events/view.ts';
import { explainDevice } from '../explanation/explain-device.ts';
import { authorise } from '../fleet/access/authorise.ts';
import { callerOfToken } from '../fleet/access/caller.ts';
import { callerViewOf } from '../fleet/access/caller-view.ts';
import { hashToken } from '../fleet/access/token.ts';
import { makeToken, tokenOrderSchema } from '../fleet/access/token-order.ts';
import { revokeToken } from '../fleet/access/token-revocation.ts';
import { listTokens } from '../fleet/access/token-view.ts';
import { decideDevice } from '../fleet/identity/acceptance.ts';
import { dismissDevice, unknownDevice } from '../fleet/identity/dismissal.ts';
import { changeGivenLabels } from '../fleet/labels/give-labels.ts';
import { listDevices } from '../fleet/listing.ts';
import type { FleetState } from '../fleet/ports.ts';
import { detailOf } from '../fleet/view.ts';
import { startedReleases } from '../rollout/campaigns/started-releases.ts';
import { type CampaignView, rolloutViewOf } from '../rollout/campaigns/view.ts';
import { compilePlan } from '../rollout/compiled-plan.ts';
import { allPages } from './all-pages.ts';
import { type CommandLine, openState } from './command-line.ts';
import type { FleetOperations, PlaceOptions } from './fleet-operations.ts';
import { localActor } from './local-actor.ts';
import { warnOfOpenToken } from './options/server-options.ts';
import { readTokenFile } from './token-file.ts';

const pageSize = 1000;

export async function operationsOnState(line: CommandLine, options: PlaceOptions): Promise<FleetOperations> {
  const fleet = await openState(line, options);
  const releases = () => readReleases(line, fleet, options.store);
  return {
    async rollouts(name) {
      const { campaigns } = await openRollouts(line, fleet, await releases());
      return (await campaigns.views(line.clock(), name)).map((view) => rolloutViewOf(withoutChecks(view)));
    },
    async control(name, action, reason) {
      const { campaigns, settled } = await openRollouts(line, fleet, await releases());
      await campaigns.control(name, action, localActor(), line.clock(), reason);
      await settled();
      return (await campaigns.views(line.clock(), name)).map((view) => rolloutViewOf(withoutChecks(view)));
    },
    async *devices(query) {
      const known = await releases().catch(async (error) => {
        line.say(`${toSlipwayError(error).message}: waves are shown by the releases that rollouts started with.`);
        return readReleases(line, fleet, undefined);
      });
      const plan = compilePlan(await planOf(fleet));
      const pages = allPages((after) => {
        const input = { fleet, plan, releases: known, now: line.clock() };
        return listDevices(input, query, { after, limit: pageSize });
      });
      for await (const { devices } of pages) yield* devices;
    },
    async device(id) {
      const detail = await detailOf(fleet, id);
      if (!detail) throw unknownDevice(id);
      return detail;
    },
    dismiss: (id, action, reason) =>
      dismissDevice(fleet, id, action, { actor: localActor(), because: reason, at: line.clock() }),
    decide: (id, status, reason) =>
      decideDevice(fleet, id, status, { actor: localActor(), because: reason, at: line.clock() }),
    async label(id, changes, reason) {
      const said = { actor: localActor(), because: reason, at: line.clock() };
      return { id, givenLabels: await changeGivenLabels(fleet, id, changes, said) };
    },
    async why(id) {
      if (options.store === undefined) {
        throw new SlipwayError('usage', 'expected --store beside --state: deciding looks at the releases there', {
          hint: 'Give the store of the server (or SLIPWAY_STORE), or ask the server with --server.',
        });
      }
      const known = await releases();
      const { campaigns } = await openRollouts(line, fleet, known);
      return explainDevice(
        { fleet, plan: campaigns.compiled, releases: known, canRevert: true, now: line.clock() },
        id,
      );
    },
    events: (range, filter) => eventsOf(fleet, range, filter),
    async *tokens(query) {
      const pages = allPages((after) => listTokens(fleet, query, { after, limit: pageSize }, line.clock()));
      for await (const { tokens } of pages) yield* tokens;
    },
    async makeToken(order) {
      const said = { actor: localActor(), at: line.clock(), randomBytes: line.randomBytes };
      return makeToken(fleet, tokenOrderSchema.parse(order), { ...said, plan: await planOf(fleet) });
    },
    revokeToken: (id) => revokeToken(fleet, id, { actor: localActor(), at: line.clock() }),
    async whoami() {
      const { tokenFile } = options;
      if (tokenFile === undefined) {
        throw new SlipwayError('usage', 'expected --token-file', { hint: 'Name the file that the token is in.' });
      }
      await warnOfOpenToken(line, options);
      const text = tokenSchema.safeParse(await readTokenFile(tokenFile)).data;
      const token = text === undefined ? undefined : await fleet.findToken(hashToken(text));
      const { caller } = authorise(token && callerOfToken(token), { anyToken: true }, line.clock());
      return callerViewOf(caller, line.clock());
    },
    follow: (after, filter) => followState(fleet, after, filter),
    close: () => fleet.close(),
  };
}

/** Without a store, the releases that rollouts have started with: as much as showing and stopping them needs. */
async function readReleases(line: CommandLine, fleet: FleetState, url: string | undefined): Promise<ReleaseIndex> {
  if (url === undefined) return startedReleases(await planOf(fleet), await fleet.loadCampaigns());
  const store = await line.openStore(url);
  try {
    const catalog = new Catalog(store);
    await catalog.refresh(new Date(line.clock()));
    if (catalog.state.problem) throw catalog.state.problem;
    return catalog.state.releases;
  } finally {
    await store.close();
  }
}

async function openRollouts(line: CommandLine, fleet: FleetState, releases: ReleaseIndex): Promise<Rollouts> {
  const rollouts = composeRollouts({
    yieldToEventLoop: () => pause(),
    fleet,
    releases: () => releases,
    source: undefined,
    readPlan: line.readPlan,
    probe: {
      ask: async ({ name }, now) => ({ name, verdict: 'unknown', detail: 'only the server asks it', askedAt: now }),
    },
    // Whether the server has a key for permits is known to the server alone.
    canRevert: true,
    allowRewrite: false,
    clock: line.clock,
    observe: {
      reconciled: () => {},
      campaign: () => {},
      problem: (error) => line.say(`not on record: ${toSlipwayError(error).message}`),
    },
  });
  await rollouts.reconciler.catchUp();
  return rollouts;
}

async function planOf(fleet: FleetState): Promise<Plan> {
  return (await fleet.loadPlan())?.plan ?? emptyPlan;
}

/** What the checks of a gate say is known to the server alone. */
function withoutChecks(view: CampaignView): CampaignView {
  const { next } = view;
  if (next?.kind !== 'wait' || next.reason !== 'check-unknown') return { ...view, gates: undefined };
  const detail = 'The devices have shown enough; the server asks the checks of the gate.';
  return { ...view, gates: undefined, next: { ...next, detail } };
}

async function* eventsOf(
  fleet: FleetState,
  range: { readonly after: number } | { readonly latest: number },
  filter: EventFilter,
): AsyncIterable<EventView> {
  if ('latest' in range) {
    yield* (await readLatest(fleet, range.latest, filter)).events.map(eventViewOf);
    return;
  }
  for (let after = range.after; ; ) {
    const page = await readPage(fleet, after, pageSize, filter);
    yield* page.events.map(eventViewOf);
    if (page.isLast) return;
    after = page.next;
  }
}

async function* followState(fleet: FleetState, after: number, filter: EventFilter): AsyncIterable<EventView> {
  const feed = new EventFeed({ store: fleet });
  try {
    const { signal } = new AbortController();
    for await (const event of feed.read({ tokenId: 'command line', after, filter, signal })) {
      if (event !== undefined) yield eventViewOf(event);
    }
  } finally {
    feed.close();
  }
}
