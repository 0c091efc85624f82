/** Results of the bench as Markdown, for the terminal and for RESULTS.md. */
import type { PairResult, Score } from './delta.ts';

export interface Circumstances {
  readonly date: string;
  readonly machine: string;
  readonly node: string;
  /** Load of the machine when the bench began, processes. */
  readonly load: number;
  /** Peers that are not installed. */
  readonly missing: readonly string[];
  /** Pairs that could not be had, and why. */
  readonly absent: readonly string[];
}

export function resultsPage(results: readonly PairResult[], circumstances: Circumstances): string {
  const { date, machine, node, load, missing, absent } = circumstances;
  return [
    '# Deltas, measured',
    '',
    `Made by \`npm run bench -- delta\` on ${date}: ${machine}, Node ${node}, load ${load.toFixed(1)} at the start.`,
    ...(missing.length > 0 ? [`Not installed there, so not measured: ${missing.join(', ')}.`] : []),
    ...(absent.length > 0 ? [`Not to be had there, so not measured: ${absent.join('; ')}.`] : []),
    '',
    'Sizes are exact and the same on every machine; times and memory are of this run. Every delta was applied three times',
    'and the result compared with the new file; decoding shows the shortest times and the largest memory of the three. CPU',
    'time and peak memory, which is sampled, are those of all processes of a program together.',
    '"Shaped" artifacts are real programs in containers made the way K3s and K0s make theirs.',
    '',
    ...results.flatMap(pairLines),
  ].join('\n');
}

export function pairLines({ name, oldBytes, newBytes, target, scores }: PairResult): string[] {
  const head = ['program', 'delta', 'of new', 'encode', 'CPU', 'memory', 'decode', 'CPU', 'memory'];
  const rows = [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...scores.map((one) => cells(one, newBytes))];
  const met = target?.isMet === undefined ? '' : `: ${target.isMet ? 'met' : '**missed**'}`;
  const verdict = target === undefined ? '' : `; target ${count(target.bytes)}${met}`;
  return [
    `## ${name}`,
    `${count(oldBytes)} → ${count(newBytes)} bytes${verdict}`,
    '',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
    '',
    ...besideBsdiff(scores),
  ];
}

/** Time and memory as ratios, which say more than seconds of one machine. */
function besideBsdiff(scores: readonly Score[]): string[] {
  const [own, peer] = ['slipway', 'bsdiff'].map((name) => scores.find(({ contestant }) => contestant === name));
  if (!own?.encode || !own.decode || !peer?.encode || !peer.decode) return [];
  const ratio = (of: 'encode' | 'decode', by: 'seconds' | 'cpuSeconds') =>
    `${((own[of]?.[by] ?? 0) / (peer[of]?.[by] ?? 0)).toFixed(2)} ×`;
  return [
    `Beside bsdiff: encoding ${ratio('encode', 'seconds')} its time, ${ratio('encode', 'cpuSeconds')} its CPU; decoding ` +
      `${ratio('decode', 'seconds')} and ${ratio('decode', 'cpuSeconds')}.`,
    '',
  ];
}

function cells({ contestant, deltaBytes, encode, decode, failure }: Score, newBytes: number): string[] {
  if (deltaBytes === undefined || !encode || !decode) {
    return [contestant, `failed: ${failure?.replace(/\s+/g, ' ').slice(0, 120) ?? ''}`, ...Array<string>(7).fill('')];
  }
  return [
    ...[contestant, count(deltaBytes), `${((100 * deltaBytes) / newBytes).toFixed(3)} %`],
    ...[encode, decode].flatMap(({ seconds, cpuSeconds, peakRssBytes }) => [
      `${seconds.toFixed(2)} s`,
      `${cpuSeconds.toFixed(2)} s`,
      `${Math.round(peakRssBytes / 2 ** 20)} MiB`,
    ]),
  ];
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
