/**
 * Tells two machines that have one identity by their reports. A sequence is used once on a machine, so one that comes with
 * two contents was used by two: their journals are copies that went on apart. Pure.
 */
import type { Report } from '../../../contract/device-api/report.ts';

/** What a machine never changes of a report, however often and to however old a server it sends it. */
type ReportMark = Pick<Report, 'sequence' | 'at' | 'attempt'>;

/** @param known marks of reports that came before, as far as they are kept */
export function hasForked(sent: readonly ReportMark[], known: Iterable<ReportMark>): boolean {
  const bySequence = new Map(sent.map((report) => [report.sequence, report]));
  for (const { sequence, at, attempt } of known) {
    const again = bySequence.get(sequence);
    if (again && (again.at !== at || again.attempt !== attempt)) return true;
  }
  return false;
}
