/** Writes the end of every `--help`: examples to copy, and what the exit status means. */
import { exitStatus } from '../../contract/exit-status.ts';

/** Of each exit status that a program or a verb ends with. */
export type ExitMeanings = Partial<Record<keyof typeof exitStatus, string>>;

/** What they mean in every program; a program adds its own. */
export const commonMeanings: ExitMeanings = {
  ok: 'done',
  internal: 'a defect in Slipway',
  usage: 'the command was given wrongly',
};

/** @param lines command lines without the program's name; empty where there are none */
export function examplesText(program: string, lines: readonly string[]): string {
  if (lines.length === 0) return '';
  return ['', 'Examples:', ...lines.map((line) => `  $ ${program} ${line}`)].join('\n');
}

/** By number. */
export function exitStatusText(meanings: ExitMeanings): string {
  const rows = Object.entries(exitStatus).flatMap(([name, status]) => {
    const meaning = meanings[name as keyof typeof exitStatus];
    return meaning === undefined ? [] : [`  ${status}  ${meaning}`];
  });
  return ['', 'Exit status:', ...rows].join('\n');
}
