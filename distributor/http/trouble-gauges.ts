/** Shows Prometheus what goes wrong on devices. A code that this program does not know is `other`: no label grows. */
import { type Fault, faultOf, isErrorCode } from '../../contract/errors.ts';
import type { TroubleCount } from '../fleet/ports.ts';
import type { Metrics } from './metrics.ts';

export function codeLabel(code: string): string {
  return isErrorCode(code) ? code : 'other';
}

/** @param claimed as the device said */
export function troubleLabels(code: string | undefined, claimed: Fault | undefined): { code: string; fault: string } {
  if (code === undefined) return { code: 'none', fault: 'none' };
  return { code: codeLabel(code), fault: faultOf(code, claimed) };
}

export function showTroubles(
  { deviceTroubles }: Pick<Metrics, 'deviceTroubles'>,
  counts: readonly TroubleCount[],
): void {
  deviceTroubles.reset();
  for (const { code, fault, devices } of counts) deviceTroubles.inc(troubleLabels(code, fault), devices);
}
