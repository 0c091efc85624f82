/** Prints why a device does or does not update now: the answer first, then each rollout down to its numbers. */

import { printable } from '../../../system/command-line/printable.ts';
import { lengthText, relativeText, timeText } from '../../../system/command-line/times.ts';
import type { DecisionView, RolloutExplanation, WhyView } from '../../explanation/view.ts';
import { boxText } from './box-text.ts';
import { conditionRows, identityRow } from './condition-text.ts';
import { waveColumns } from './rollout-text.ts';

export function whyText(why: WhyView, now: number): string {
  const rows = why.state === 'never-asked' ? [] : conditionRows(why, now);
  const boxes = why.device.box === undefined ? [] : [['box', boxText(why.device.box)]];
  const rowTexts = [identityRow(why.device, now), ...boxes, ...rows].flatMap(([name, text]) =>
    text === undefined ? [] : [`${name}: ${printable(text)}`],
  );
  return [deviceLine(why, now), placeLine(why), ...rowTexts, ...answerLines(why, now), ...rolloutParts(why, now)].join(
    '\n',
  );
}

function deviceLine({ device }: WhyView, now: number): string {
  const runs = device.current === undefined ? 'runs nothing yet' : `runs ${device.current.version}`;
  const seen = device.lastSeenAt === undefined ? 'never seen' : `last seen ${timeText(device.lastSeenAt, now)}`;
  return `${device.id}: ${device.product} on ${device.platform} ${runs}, ${device.phase ?? 'never asked'}, ${seen}`;
}

function placeLine({ device }: WhyView): string {
  const labels = Object.entries(device.labels).map(([key, value]) => `${key}=${value}`);
  const parts = [
    device.site === undefined ? undefined : `site ${device.site}`,
    device.cluster === undefined ? undefined : `cluster ${device.cluster} (${device.role})`,
    `labels ${labels.length === 0 ? 'none' : labels.join(' ')}`,
    device.claims && `${device.claims.join(' and ')} by its own word: nobody waits for it there`,
  ];
  return printable(parts.filter((part) => part !== undefined).join(', '));
}

function answerLines({ state, decision, device }: WhyView, now: number): string[] {
  if (state === 'pending') return ['It waits until somebody accepts it: slipway-distributor device accept.'];
  if (state === 'rejected')
    return ['It was rejected: every request of it is refused. Accept it after all, or forget it.'];
  if (state === 'revoked') return ['It was revoked: every request of it is refused. Forget it to let it enrol again.'];
  if (state === 'never-asked' || decision === undefined) {
    const enrolled = timeText(device.enrolledAt, now);
    return [`It has never asked since it enrolled, ${enrolled}. Look at slipway-edge status on the device.`];
  }
  const by = decision.rollout === undefined ? '' : `, by ${decision.rollout}`;
  return [`now: ${verdict(decision)}${by}`, `     ${printable(decision.next)}${changes(decision, now)}`];
}

function verdict({ kind, reason, meaning }: DecisionView): string {
  const what = { update: 'is offered an update', revert: 'is sent back', none: 'is offered nothing' }[kind];
  return `${what} (${reason}): ${meaning}`;
}

function changes({ until }: DecisionView, now: number): string {
  return until === undefined ? '' : ` The answer may change ${timeText(until, now)}.`;
}

function rolloutParts({ state, rollouts }: WhyView, now: number): string[] {
  if (state !== 'deciding') return [];
  if (rollouts.length === 0)
    return ['', 'No rollout names its product. Declare one, or look at slipway-distributor rollout ls.'];
  return rollouts.flatMap((rollout, index) => ['', ...rolloutLines(rollout, index + 1, now)]);
}

function rolloutLines(rollout: RolloutExplanation, rank: number, now: number): string[] {
  const { decision } = rollout;
  const version = rollout.version ?? 'a release that the store does not have';
  const rows: (readonly [string, string | undefined])[] = [
    ['says', `${decision.reason}: ${decision.meaning}`],
    [
      'rank',
      rollout.outrankedBy === undefined ? undefined : `${rollout.outrankedBy} comes first and claims the device`,
    ],
    ['group', groupText(rollout)],
    ['place', placeText(rollout)],
    ['wave', waveText(rollout, now)],
    ['gate', rollout.wave?.gate],
    ['window', windowText(rollout, now)],
    ['path', pathText(rollout)],
    ...rollout.waitsFor.map((peer) => ['waits for', peerText(peer, now)] as const),
    ['budget', budgetText(rollout)],
    ['tried', attemptText(rollout, now)],
    [
      'facts',
      Object.entries(decision.facts)
        .map(([name, value]) => `${name}=${value}`)
        .join(' '),
    ],
    ['next', `${decision.next}${changes(decision, now)}`],
  ];
  const shown = rows.flatMap(([name, text]) =>
    text === undefined || text === '' ? [] : [`   ${name.padEnd(9)} ${printable(text)}`],
  );
  return [`${rank}. ${rollout.rollout} brings ${version}, priority ${rollout.priority}`, ...shown];
}

function groupText({ group: { name, includes, conditions } }: RolloutExplanation): string {
  if (name === undefined) return 'every device of the product';
  const words = conditions.map(({ condition, holds, value }) => {
    const has = value === undefined ? 'no such label' : `is ${value}`;
    return `${condition} ${holds ? 'holds' : 'does not hold'} (${has})`;
  });
  const detail = words.length === 0 ? '' : `: ${words.join('; ')}`;
  return `${name} ${includes ? 'has it' : 'does not have it'}${detail}`;
}

function placeText({ placePercent, wave }: RolloutExplanation): string {
  if (wave === undefined) return `${placePercent} %; no wave is open`;
  if (wave.coveredBy !== undefined) return `${placePercent} %, inside wave ${wave.coveredBy}`;
  if (wave.isLate)
    return `${placePercent} %, but it enrolled after that wave opened: it waits for the one for everybody`;
  return `${placePercent} %, beyond the ${wave.boundPercent} % that are open`;
}

function waveText({ wave }: RolloutExplanation, now: number): string | undefined {
  if (wave === undefined) return undefined;
  const { last, boundPercent, openedAt, members } = wave;
  const shown = waveColumns.filter(([column]) => wave[column] > 0);
  const counts = `${members} members: ${shown.map(([column, name]) => `${wave[column]} ${name.toLowerCase()}`).join(', ')}`;
  return `${last} is open up to ${boundPercent} % since ${timeText(openedAt, now)}; ${counts}`;
}

function windowText({ window }: RolloutExplanation, now: number): string | undefined {
  if (window === undefined) return undefined;
  const { isOpen, timeZone, opensAt, closesAt, opensLocal, closesLocal, downloadAheadSeconds } = window;
  if (opensAt === undefined || closesAt === undefined) return `closed; none opens within two weeks (${timeZone})`;
  if (isOpen) return `open until ${closesLocal} in ${timeZone} (${relativeText(closesAt, now)})`;
  const ahead = downloadAheadSeconds === 0 ? '' : `; it may download ${lengthText(downloadAheadSeconds)} before`;
  return `closed; opens ${opensLocal} in ${timeZone} (${relativeText(opensAt, now)}), closes ${closesLocal}${ahead}`;
}

function pathText({ path }: RolloutExplanation): string | undefined {
  if (path === undefined) return undefined;
  const { from = 'nothing', next, goal, because } = path;
  if (next === undefined) return `from ${from} to ${goal}: ${because}`;
  return next === goal ? `from ${from} straight to ${goal}` : `from ${from} over ${next} to ${goal} (${because})`;
}

function peerText(peer: RolloutExplanation['waitsFor'][number], now: number): string {
  const seen = peer.lastSeenAt === undefined ? 'never seen' : `seen ${relativeText(peer.lastSeenAt, now)}`;
  const state = peer.isUpdating ? 'updating' : 'not updating';
  return `${peer.role} ${peer.id}, runs ${peer.current ?? 'nothing'}, ${state}, ${seen}`;
}

function budgetText({ budget }: RolloutExplanation): string | undefined {
  if (budget === undefined) return undefined;
  const { bytes, perSeconds, spentBytes, openOffers, meanBytes } = budget;
  const mean = meanBytes === undefined ? 'size of one unknown yet' : `${meanBytes} bytes each`;
  return `${spentBytes} of ${bytes} bytes in ${lengthText(perSeconds)} spent, ${openOffers} offers open (${mean})`;
}

function attemptText({ attempt }: RolloutExplanation, now: number): string | undefined {
  if (attempt === undefined) return 'not yet';
  const { offeredVersion, offeredAt, foundAt, outcome, phase, code, bytesOnWire, revertedAt } = attempt;
  const isFound = outcome === undefined && foundAt !== undefined;
  return [
    offeredAt === undefined ? 'never offered' : `${offeredVersion} offered ${timeText(offeredAt, now)}`,
    isFound ? `found running it ${timeText(foundAt, now)}, which counts as committed` : outcome,
    outcome === undefined && !isFound ? `no result yet (${phase ?? 'silent since'})` : undefined,
    code === undefined ? undefined : `because of ${code}`,
    bytesOnWire === undefined ? undefined : `${bytesOnWire} bytes on the wire`,
    revertedAt === undefined ? undefined : `sent back ${timeText(revertedAt, now)}`,
  ]
    .filter((part) => part !== undefined)
    .join(', ');
}
