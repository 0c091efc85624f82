/** What each verb is given: the outside world, and where its answer goes. */
import { Option } from 'commander';
import type { StoreReader } from '../catalog/ports.ts';
import type { FleetState } from '../fleet/ports.ts';
import type { RandomBytes } from '../fleet/token.ts';
import type { DeclarationSource } from '../reconcile/ports.ts';
import type { SourcePlace } from '../reconcile/source-place.ts';
import type { PermitSigner } from '../rollout/permit.ts';

export interface CommandLine {
  openFleetState(folder: string): Promise<FleetState>;
  openStore(url: string): StoreReader;
  openSource(place: SourcePlace): DeclarationSource;
  /** @throws SlipwayError `key-unreadable` */
  readPermitKey(file: string): PermitSigner;
  readonly clock: () => number;
  readonly randomBytes: RandomBytes;
  /** One value on stdout: as a line of JSON under `--json`, else as the text. */
  answer(json: unknown, text: string): void;
  /** A line for people, on stderr. */
  say(text: string): void;
  /** What goes on, in one line that the next one takes the place of; undefined takes it away. On a terminal only. */
  progress(text: string | undefined): void;
}

export const defaultStateFolder = '/var/lib/slipway-distributor';

export function stateOption(): Option {
  return new Option('--state <dir>', 'folder of the fleet database').env('SLIPWAY_STATE').default(defaultStateFolder);
}

/** Opens the state, does one thing, closes it. */
export async function withState<T>(
  line: CommandLine,
  folder: string,
  use: (state: FleetState) => Promise<T>,
): Promise<T> {
  const state = await line.openFleetState(folder);
  try {
    return await use(state);
  } finally {
    await state.close();
  }
}

/** Rows under a heading, columns aligned by spaces. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [heading, ...rows];
  const widths = heading.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
