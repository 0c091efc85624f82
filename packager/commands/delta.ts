/** `delta` makes one delta between two files, and says where its bytes come from. */
import { rename, rm } from 'node:fs/promises';
import type { Command } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import { type MadeSlipwayDelta, makeSlipwayDelta } from '../../delta/make/make-delta.ts';
import type { TriedMethod } from '../../delta/make/ports.ts';
import { sizeText } from '../../system/command-line/size.ts';
import { tableText } from '../../system/command-line/table.ts';
import type { PackagerContext } from './context.ts';
import { examples } from './examples.ts';

interface DeltaOptions {
  readonly out: string;
  readonly maxMemory?: string;
  readonly zstd?: string[];
  readonly explain?: boolean;
}

/** Rows for people without --explain. */
const maxRows = 20;

export const zstdHelp = 'zstd commands of other versions, to open what those made, beside the one on PATH';

export function registerDelta(program: Command, context: PackagerContext): void {
  program
    .command('delta')
    .description('Make a delta that turns one file into another, bit for bit, and prove it with the code of devices.')
    .argument('<old>', 'the file that devices have')
    .argument('<new>', 'the file that they are to get')
    .requiredOption('--out <file>', 'where the delta goes')
    .option('--max-memory <megabytes>', 'for all encoders together; by default half of this machine')
    .option('--zstd <program...>', zstdHelp)
    .option('--explain', 'every part, what was tried for it, and what could not be opened')
    .addHelpText(
      'after',
      [
        examples('delta k3s-v1.33.1 k3s-v1.33.2 --out k3s.delta', 'delta old.tar.zst new.tar.zst --out d --explain'),
        '',
        'Opens programs with an embedded or appended archive, tar, cpio, gzip, zstd and ZIP, inside one another too.',
        'A stream that no known encoder writes again stays compressed; --explain says which, and what it costs.',
        'Applied on a device, or anywhere, by: slipway-edge apply OLD DELTA OUT',
      ].join('\n'),
    )
    .action(async (oldFile: string, newFile: string, options: DeltaOptions) => {
      const { output } = context;
      const found = context.findEncoder();
      const encoders = context.partEncoders(parseMemory(options.maxMemory));
      const draft = `${options.out}.part`;
      try {
        const made = await makeSlipwayDelta(oldFile, newFile, draft, {
          encoders,
          vcdiff: 'encoder' in found ? found.encoder : undefined,
          scratch: await context.scratchFolder(),
          zstd: context.zstdEncoder(options.zstd),
          progress: context.progress('encoding'),
          say: (line) => output.say(line),
        });
        await rename(draft, options.out);
        output.answer(made, summary(made, options.explain === true).join('\n'));
      } finally {
        encoders.close();
        await rm(draft, { force: true });
      }
    });
}

function summary(made: MadeSlipwayDelta, explain: boolean): string[] {
  const { parts, length, newLength, needs } = made;
  const changed = parts.filter(({ deltaLength }) => deltaLength > 0).toSorted((a, b) => b.deltaLength - a.deltaLength);
  const shown = explain ? parts : changed.slice(0, maxRows);
  const rows = shown.map((part) => [
    part.label,
    sizeText(part.length),
    part.method,
    sizeText(part.deltaLength),
    percent(part.deltaLength, part.length),
    ...(explain ? [part.from ?? '-', part.tried.map(attempt).join(', ') || '-'] : []),
  ]);
  const head = ['PART', 'SIZE', 'METHOD', 'DELTA', 'SHARE', ...(explain ? ['FROM', 'TRIED'] : [])];
  const copied = parts.filter(({ method }) => method === 'copy').length;
  return [
    ...(rows.length > 0 ? [tableText(head, rows)] : []),
    ...(shown.length < changed.length ? [`… and ${changed.length - shown.length} more, see --explain`] : []),
    `${parts.length} parts, ${copied} of them unchanged; ${sizeText(made.headLength + made.recipesLength)} for directory and recipes`,
    ...unopenedLines(made),
    ...made.givenUp.map((line) => `given up: ${line}`),
    `a device needs ${sizeText(needs.scratchBytes)} of free disk${zstdLine(made)}`,
    `${sizeText(length)} of ${sizeText(newLength)}, ${percent(length, newLength)}, proved`,
  ];
}

function unopenedLines({ unopened, parts }: MadeSlipwayDelta): string[] {
  return unopened.map(({ label, length, reason }) => {
    const part = parts.find((candidate) => candidate.label === label);
    const cost = part === undefined ? '' : `, costs ${sizeText(part.deltaLength)}`;
    return `not opened: ${label}, ${sizeText(length)}, ${reasons[reason]}${cost}`;
  });
}

const reasons: Record<MadeSlipwayDelta['unopened'][number]['reason'], string> = {
  'encoder-unknown': 'no known encoder writes it again',
  'too-deep': 'too many streams around it',
  'too-large': 'it unpacks to too much',
  'too-many-parts': 'the artifact has too many parts',
};

function zstdLine({ needs }: MadeSlipwayDelta): string {
  if (needs.zstd === undefined) return '';
  const { versions, memoryBytes, contentBytes } = needs.zstd;
  return `, and libzstd ${versions.join(' and ')} with ${sizeText(memoryBytes)} of memory to encode ${sizeText(contentBytes)} again`;
}

function attempt(tried: TriedMethod): string {
  return 'length' in tried ? `${tried.method} ${sizeText(tried.length)}` : `${tried.method}: ${tried.reason}`;
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / Math.max(1, whole)).toFixed(2)} %`;
}

/** Bytes, from --max-memory. */
export function parseMemory(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{2,7}$/.test(text)) return Number(text) * 1_000_000;
  throw new SlipwayError('usage', '--max-memory: expected a whole number of megabytes');
}
