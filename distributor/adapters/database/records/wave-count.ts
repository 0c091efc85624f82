/** Adds rows that the database counted up to the counts of one wave. */
import type { Standing, WaveCounts } from '../../../rollout/standing.ts';

type Slice = { -readonly [K in keyof WaveCounts]: WaveCounts[K] };

/** `switched`: in a phase after the switch, whatever its standing is. */
export type RowMark = 'soaked' | 'forgiven' | 'working' | 'switched' | '';

interface CountedRow {
  readonly standing: Standing;
  readonly mark: RowMark;
  readonly devices: number;
  readonly earliest: number | null;
}

/** A mark belongs to one standing; a phase of an attempt with a result has none. */
export function count(slice: Slice, { standing, mark, devices, earliest }: CountedRow, soakSeconds: number): void {
  slice[standing] += devices;
  if (standing === 'committed' && mark === 'soaked') slice.soaked += devices;
  if (standing === 'committed' && mark === '' && earliest !== null) slice.nextSoakedAt = earliest + soakSeconds * 1000;
  if (standing === 'failed' && mark === 'forgiven') slice.forgiven += devices;
  if (standing === 'pending' && mark !== '') slice.working += devices;
  if (standing === 'unreachable' && mark === 'switched') slice.lost += devices;
}
