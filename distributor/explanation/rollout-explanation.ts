/** Explains what one rollout says about one device, with the numbers behind it. Pure. */
import { compareVersions } from '../../contract/release/version.ts';
import type { OpenedWave } from '../rollout/campaign.ts';
import { countsViewOf } from '../rollout/campaigns/counts-view.ts';
import { gateProgress } from '../rollout/campaigns/gate-progress.ts';
import { openWaveOf } from '../rollout/cohort.ts';
import type { Ranked } from '../rollout/compiled-plan.ts';
import type { DecideInput, Peer } from '../rollout/deciding/decide-input.ts';
import type { Explanation } from '../rollout/decision.ts';
import { percentOfPlace, placeOf } from '../rollout/placement.ts';
import { noCounts, type WaveCounts } from '../rollout/standing.ts';
import { decisionViewOf } from './decision-view.ts';
import { conditionsOf } from './selection.ts';
import type { RolloutExplanation } from './view.ts';
import { localTimeText } from './zone-time.ts';

/** @param counts of each opened wave's own part, in the order of the waves */
export function explainRollout(
  input: DecideInput,
  explanation: Explanation,
  counts: readonly WaveCounts[],
): RolloutExplanation {
  const { device, plan, releases } = input;
  const { rollout: name, version, priority, decision, outrankedBy } = explanation;
  const ranked = plan
    .ranked(releases, device.check.product, device.check.platform)
    .find(({ rollout }) => rollout.name === name);
  if (!ranked) throw new Error(`no rollout ${name} is compiled`);
  const wave = waveOf(input, ranked, version, counts);
  const window = windowOf(input, ranked);
  const path = pathOf(input, ranked);
  const budget = budgetOf(input, ranked, version);
  const attempt = attemptOf(input, name, version);
  return {
    rollout: name,
    priority,
    version,
    decision: decisionViewOf(decision),
    outrankedBy,
    group: groupOf(input, ranked),
    wave,
    placePercent: percentOfPlace(placeOf(name, device.id)),
    window,
    path,
    waitsFor: blockersOf(input, explanation).map(peerViewOf),
    budget,
    attempt,
  };
}

function groupOf({ device, plan }: DecideInput, { rollout, includes }: Ranked): RolloutExplanation['group'] {
  const { labels } = device;
  const selector = plan.plan.groups.find(({ name }) => name === rollout.group)?.selector;
  return {
    name: rollout.group,
    includes: includes(labels),
    conditions: selector === undefined ? [] : conditionsOf(selector, labels),
  };
}

function waveOf(
  input: DecideInput,
  { rollout }: Ranked,
  version: string | undefined,
  counts: readonly WaveCounts[],
): RolloutExplanation['wave'] {
  const opened = (version === undefined ? undefined : input.campaign(rollout.name, version))?.openedWaves ?? [];
  const last = opened.at(-1);
  const declared = rollout.waves[opened.length - 1] ?? rollout.waves.at(-1);
  if (!last || !declared) return undefined;
  const place = placeOf(rollout.name, input.device.id);
  const index = openWaveOf(place, input.device.enrolledAt, opened);
  const covering = index === undefined ? undefined : opened[index];
  const known = counts.slice(0, opened.length);
  return {
    ...(covering === undefined ? {} : { coveredBy: covering.name }),
    last: last.name,
    boundPercent: percentOfPlace(last.upTo),
    openedAt: new Date(last.openedAt).toISOString(),
    ...countsViewOf(known.at(-1) ?? noCounts),
    gate: gateProgress(declared, known, undefined),
    isLate: covering === undefined && isLateFor(place, input.device.enrolledAt, opened),
  };
}

function isLateFor(place: number, enrolledAt: number, opened: readonly OpenedWave[]): boolean {
  return opened.some((wave) => place < wave.upTo && enrolledAt > wave.openedAt);
}

function windowOf({ now }: DecideInput, { rollout, windows }: Ranked): RolloutExplanation['window'] {
  const timeZone = rollout.windows[0]?.timeZone;
  if (!windows || timeZone === undefined) return undefined;
  const { isOpen, interval } = windows.at(now);
  const { downloadAheadSeconds } = rollout;
  if (!interval) return { isOpen, timeZone, downloadAheadSeconds };
  const { opensAt, closesAt } = interval;
  return {
    isOpen,
    timeZone,
    downloadAheadSeconds,
    opensAt: new Date(opensAt).toISOString(),
    closesAt: new Date(closesAt).toISOString(),
    opensLocal: localTimeText(timeZone, opensAt),
    closesLocal: localTimeText(timeZone, closesAt),
  };
}

function pathOf({ device }: DecideInput, { goal, wayFrom }: Ranked): RolloutExplanation['path'] {
  const from = device.check.current?.version;
  const { hop } = wayFrom(from);
  if (!goal || !hop) return undefined;
  const start = from === undefined ? {} : { from };
  if (hop.kind === 'go') return { ...start, next: hop.release.version, goal: goal.version, because: hop.because };
  return { ...start, goal: goal.version, because: `${hop.because}: the store has no ${hop.needed}` };
}

function budgetOf(
  { spending }: DecideInput,
  { rollout: { name, budget } }: Ranked,
  version: string | undefined,
): RolloutExplanation['budget'] {
  if (!budget || version === undefined) return undefined;
  const { bytes = 0, reserved = 0, meanBytes } = spending({ rollout: name, version }) ?? {};
  return {
    bytes: budget.bytes,
    perSeconds: budget.perSeconds,
    spentBytes: bytes,
    openOffers: reserved,
    ...(meanBytes === undefined ? {} : { meanBytes: Math.round(meanBytes) }),
  };
}

function attemptOf(
  { attempts }: DecideInput,
  rollout: string,
  version: string | undefined,
): RolloutExplanation['attempt'] {
  const attempt = attempts.find((candidate) => candidate.rollout === rollout && candidate.version === version);
  if (!attempt) return undefined;
  const { offeredVersion, offeredAt, foundAt, generation, phase, outcome, code, fault, settledAt } = attempt;
  const { lastSeenAt, revertedAt, bytesOnWire } = attempt;
  return {
    offeredVersion,
    generation,
    ...(offeredAt === undefined ? {} : { offeredAt: new Date(offeredAt).toISOString() }),
    ...(foundAt === undefined ? {} : { foundAt: new Date(foundAt).toISOString() }),
    lastSeenAt: new Date(lastSeenAt).toISOString(),
    phase,
    outcome,
    code,
    fault,
    ...(settledAt === undefined ? {} : { settledAt: new Date(settledAt).toISOString() }),
    ...(revertedAt === undefined ? {} : { revertedAt: new Date(revertedAt).toISOString() }),
    bytesOnWire,
  };
}

/** Peers that the decision speaks of. */
function blockersOf({ device, plan, peers }: DecideInput, { decision, version }: Explanation): readonly Peer[] {
  const { site, cluster, role } = plan.locationOf(device.labels);
  const alike = peers.filter((peer) => peer.cluster === cluster && peer.product === device.check.product);
  switch (decision.reason) {
    case 'site-busy':
      return peers.filter((peer) => peer.site === site && peer.isUpdating);
    case 'cluster-busy':
      return alike.filter((peer) => peer.role === role && peer.isUpdating);
    case 'servers-first':
      // Silent ones hold nobody up: of those behind, the ones heard last are meant.
      return alike
        .filter((peer) => peer.role === 'server' && version !== undefined && isBehind(peer, version))
        .sort((a, b) => (b.lastSeenAt ?? 0) - (a.lastSeenAt ?? 0))
        .slice(0, Number(decision.facts.serversBehind ?? 1));
    default:
      return [];
  }
}

function isBehind({ current }: Peer, version: string): boolean {
  return current === undefined || compareVersions(current, version) < 0;
}

function peerViewOf({ id, role, site, cluster, current, isUpdating, lastSeenAt }: Peer) {
  return {
    id,
    role,
    isUpdating,
    site,
    cluster,
    current,
    ...(lastSeenAt === undefined ? {} : { lastSeenAt: new Date(lastSeenAt).toISOString() }),
  };
}
