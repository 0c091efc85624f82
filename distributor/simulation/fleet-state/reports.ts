/** Records reports on the fleet in memory, each once, and what they change in the attempts they belong to. */
import type { DeviceId } from '../../../contract/device-api/check.ts';
import type { Report } from '../../../contract/device-api/report.ts';
import { hasForked } from '../../fleet/identity/forked-reports.ts';
import type { ReportRules, StoredReports } from '../../fleet/ports.ts';
import { afterReport, type ReportEffect } from '../../rollout/attempt-after-report.ts';
import type { CampaignKey } from '../../rollout/campaign.ts';
import { type Devices, sight } from './devices.ts';
import type { AttemptEntry, DeviceEntry } from './tables.ts';

export class Reports {
  readonly #devices: Devices;
  readonly #kept: number;

  /** @param kept reports of one device, those with the highest sequences */
  constructor(devices: Devices, kept: number) {
    this.#devices = devices;
    this.#kept = kept;
  }

  /** See DeviceStore.storeReports. */
  store(id: DeviceId, reports: readonly Report[], rules: ReportRules, at: number): StoredReports {
    const entry = this.#devices.acceptedOnly(id);
    const { received, record } = entry;
    if (hasForked(reports, entry.reports)) {
      return { acknowledgedThrough: received.through, fresh: [], fellBack: [], failed: [], isForked: true };
    }
    const fresh: Report[] = [];
    for (const report of inOrder(reports)) {
      const isSame = ({ sequence }: Report) => sequence === report.sequence;
      if (!received.has(report.sequence) && !entry.reports.some(isSame) && !fresh.some(isSame)) fresh.push(report);
    }
    const ruled = fresh.map((report) => ({ report, rule: rules(report, record) }));
    const fellBack: CampaignKey[] = [];
    const failed: CampaignKey[] = [];
    for (const { report, rule } of ruled) {
      received.fill(report.sequence);
      const about = rule && attemptAbout(entry, report);
      if (!about) continue;
      const { isBack, isFailure } = apply(about, report, rule.maxBytes, at);
      if (isBack) fellBack.push(about.campaign.key);
      if (isFailure) failed.push(about.campaign.key);
    }
    this.#acknowledge(entry, reports, fresh);
    sight(entry, at);
    return { acknowledgedThrough: received.through, fresh, fellBack, failed, isForked: false };
  }

  #acknowledge(entry: DeviceEntry, sent: readonly Report[], fresh: readonly Report[]): void {
    const { received } = entry;
    const all = inOrder([...entry.reports, ...fresh]);
    received.advance(
      all.map(({ sequence }) => sequence).filter((sequence) => sequence > received.through),
      sent.map(({ sequence }) => sequence),
      new Set(fresh.map(({ sequence }) => sequence)),
    );
    const { through } = received;
    if (fresh.length > 0) entry.reports = all.filter(({ sequence }) => sequence > through - this.#kept);
    entry.record.acknowledgedThrough = through;
  }
}

function inOrder(reports: readonly Report[]): readonly Report[] {
  return reports.length < 2 ? reports : [...reports].sort((a, b) => a.sequence - b.sequence);
}

/** Of several with its version the one offered last. One that was never offered is none: nobody counts who was not asked. */
function attemptAbout({ attempts }: DeviceEntry, { rollout, version }: Report): AttemptEntry | undefined {
  if (rollout === undefined) return undefined;
  let last: AttemptEntry | undefined;
  for (const entry of attempts) {
    const { offeredAt } = entry.attempt;
    const isAbout = entry.attempt.rollout === rollout && offeredAt !== undefined;
    if (!isAbout || (entry.attempt.version !== version && entry.attempt.offeredVersion !== version)) continue;
    if (offeredAt > (last?.attempt.offeredAt ?? 0)) last = entry;
  }
  return last;
}

function apply({ attempt, campaign }: AttemptEntry, report: Report, maxBytes: number, at: number): ReportEffect {
  const { reservedSlot } = attempt;
  const effect = afterReport(attempt, report, report.attempt, maxBytes, at);
  const { after, spentBytes, settledBytes, freesReservation } = effect;
  if (spentBytes > 0) campaign.spendings.spend(spentBytes, at);
  if (settledBytes !== undefined) campaign.spendings.settle(settledBytes);
  if (freesReservation && reservedSlot !== undefined) campaign.spendings.reserve(reservedSlot, -1);
  Object.assign(attempt, after);
  return effect;
}
