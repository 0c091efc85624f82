/** What a check told of, and nothing where its updater speaks version 1. */
import type { CheckRequest, Trouble } from '../../contract/device-api/check.ts';

export function troublesOf(check: CheckRequest): readonly Trouble[] {
  return check.schemaVersion === 1 ? [] : check.troubles;
}
