/** `slipway-edge apply OLD DELTA OUT` does by hand what an update does with one delta, and measures it. */
import path from 'node:path';
import type { Command } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import { defaultZstdPrograms } from '../delta/delta-means.ts';
import { defaultEncoderThreads } from '../delta/encoder-threads.ts';
import type { DeltaCost } from '../ports.ts';
import type { CommandContext } from './command-context.ts';
import { examples } from './examples.ts';

export interface AppliedFile extends DeltaCost {
  /** Bytes. */
  readonly length: number;
  readonly sha256: string;
}

interface ApplyOptions {
  readonly maxMemoryMib: string;
  readonly zstd: string[];
  readonly threads: string;
  readonly scratch?: string;
}

export function addApply(program: Command, context: Pick<CommandContext, 'applyToFile' | 'output'>): void {
  program
    .command('apply')
    .argument('<old>', 'file that the delta was made for')
    .argument('<delta>', 'file made by slipway-packager delta')
    .argument('<out>', 'file to make; there is none, or the whole of it')
    .description('make a file from an older one and a delta')
    .option('--max-memory-mib <n>', 'memory of the process that decodes', '256')
    .option('--zstd <program...>', 'zstd commands, for payloads packed with their versions', [...defaultZstdPrograms])
    .option(
      '--threads <n>',
      'to compress a payload again, where cores and memory allow them',
      String(defaultEncoderThreads),
    )
    .option('--scratch <folder>', 'where parts lie meanwhile and are found again (default: beside the new file)')
    .addHelpText(
      'after',
      examples(
        'apply k3s-1.33.8 k3s.delta k3s-1.33.9',
        'apply k3s-1.33.8 k3s.delta k3s-1.33.9 --json | jq .peakRssBytes',
      ),
    )
    .addHelpText('after', '\nRun it again after an interruption: finished parts are used again.')
    .action(async (old: string, delta: string, out: string, options: ApplyOptions) => {
      const maxMemoryBytes = mebibytes(options.maxMemoryMib);
      const scratch = options.scratch ?? `${out}.scratch`;
      const zstdPrograms = options.zstd.map((program) => path.resolve(program));
      const means = { maxMemoryBytes, zstdPrograms, maxEncoderThreads: threads(options.threads) };
      const result = await context.applyToFile({ base: old, delta, scratch }, out, means);
      context.output.answer(result, describe(out, result));
    });
}

function mebibytes(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text) * 1024 * 1024;
  throw new SlipwayError('usage', `expected a number of MiB after --max-memory-mib, found ${text}`);
}

function threads(text: string): number {
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new SlipwayError('usage', `expected a number of threads after --threads, found ${text}`);
}

function describe(out: string, result: AppliedFile): string {
  const resumed = result.resumedParts === 0 ? '' : ` (${result.resumedParts} from an earlier run)`;
  const memory = `${Math.ceil(result.peakRssBytes / 1024 / 1024)} MiB`;
  return `${out}: ${result.length} bytes, sha256 ${result.sha256}\n${result.parts} parts${resumed}, ${result.seconds.toFixed(1)} s, at most ${memory} of memory`;
}
