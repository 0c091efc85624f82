/** Writes examples for the end of a verb's `--help`. */
import { examplesText } from '../../system/command-line/help-text.ts';

/** @param lines command lines without the program's name */
export function examples(...lines: readonly string[]): string {
  return examplesText('slipway-distributor', lines);
}
