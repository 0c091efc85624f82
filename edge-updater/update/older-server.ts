/**
 * Writes reports for a server that speaks version 1 of the device API. Such a server counts every failure that names
 * its rollout against the release, so a refusal that is not the release's fault goes without the rollout. An attempt
 * that began keeps it, because such a server waits for its end.
 */
import type { Report, ReportVersion1 } from '../../contract/device-api/report.ts';
import { reportInVersion1 } from '../../contract/device-api/version-1.ts';
import { faultOf } from '../../contract/errors.ts';

export function reportForOlderServer(report: Report): ReportVersion1 {
  const version1 = reportInVersion1(report);
  if (!isRefusal(report) || faultOf(report.code ?? '', report.fault) === 'release') return version1;
  const { rollout: _, ...rest } = version1;
  return rest;
}

/** An offer that was refused before an attempt began moved nothing: each attempt says what it moved. */
function isRefusal({ outcome, transfer }: Report): boolean {
  return outcome === 'failed' && transfer === undefined;
}
