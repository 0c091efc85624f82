/** The programs that the bench compares: how each makes a delta of a pair and applies it. */
import { statSync } from 'node:fs';
import path from 'node:path';
import { isOnPath } from '../services/commands.ts';

export interface Files {
  readonly old: string;
  readonly new: string;
  readonly delta: string;
  readonly rebuilt: string;
}

export type CommandLine = readonly [command: string, ...args: string[]];

export interface Contestant {
  readonly name: string;
  encode(files: Files): CommandLine;
  decode(files: Files): CommandLine;
}

const dist = path.join(import.meta.dirname, '../../dist');

export const slipway: Contestant = {
  name: 'slipway',
  encode: (files) => [
    ...([process.execPath, path.join(dist, 'slipway-packager.mjs')] as const),
    ...['delta', files.old, files.new, '--out', files.delta],
  ],
  decode: (files) => [
    process.execPath,
    path.join(dist, 'slipway-edge.mjs'),
    'apply',
    files.old,
    files.delta,
    files.rebuilt,
  ],
};

/** Each at its best settings for size; the slowest last. */
const peers: readonly (Contestant & { readonly needs: readonly string[] })[] = [
  {
    name: 'xdelta3 -9',
    needs: ['xdelta3'],
    encode: (files) => [
      'xdelta3',
      '-f',
      '-e',
      '-9',
      '-S',
      'lzma',
      '-B',
      window(files),
      '-s',
      files.old,
      files.new,
      files.delta,
    ],
    decode: (files) => ['xdelta3', '-f', '-d', '-B', window(files), '-s', files.old, files.delta, files.rebuilt],
  },
  {
    name: 'zstd --patch-from',
    needs: ['zstd'],
    encode: (files) => [
      'zstd',
      '-q',
      '-f',
      '--ultra',
      '-19',
      '--long=31',
      `--patch-from=${files.old}`,
      files.new,
      '-o',
      files.delta,
    ],
    decode: (files) => [
      'zstd',
      '-q',
      '-f',
      '-d',
      '--long=31',
      `--patch-from=${files.old}`,
      files.delta,
      '-o',
      files.rebuilt,
    ],
  },
  {
    name: 'hdiffz',
    needs: ['hdiffz', 'hpatchz'],
    encode: (files) => ['hdiffz', '-f', '-m-6', '-SD', '-c-lzma2-9-64m', files.old, files.new, files.delta],
    decode: (files) => ['hpatchz', '-f', files.old, files.delta, files.rebuilt],
  },
  {
    name: 'bsdiff',
    needs: ['bsdiff', 'bspatch'],
    encode: (files) => ['bsdiff', files.old, files.new, files.delta],
    decode: (files) => ['bspatch', files.old, files.rebuilt, files.delta],
  },
];

/** Slipway, and those that are installed here. */
export function contestants(): { readonly present: readonly Contestant[]; readonly missing: readonly string[] } {
  const isPresent = (peer: (typeof peers)[number]) => peer.needs.every(isOnPath);
  return {
    present: [slipway, ...peers.filter(isPresent)],
    missing: peers.filter((peer) => !isPresent(peer)).map(({ name }) => name),
  };
}

function window({ old }: Files): string {
  return `${Math.max(statSync(old).size, 1 << 20)}`;
}
