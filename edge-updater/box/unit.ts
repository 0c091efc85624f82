/** A unit of systemd as `systemctl show` describes it: what it starts, by which settings, and whether it runs. Pure. */
import { wordsOf } from './words.ts';

export interface Unit {
  readonly name: string;
  readonly isLoaded: boolean;
  /** Started, or starting. */
  readonly isActive: boolean;
  readonly isEnabled: boolean;
  /** File that it starts, and the arguments without it; undefined for a unit that starts nothing. */
  readonly program: string | undefined;
  readonly args: readonly string[];
  /** 0 while nothing runs. */
  readonly mainPid: number;
  readonly environment: ReadonlyMap<string, string>;
  /** In the order in which later ones win. */
  readonly environmentFiles: readonly string[];
  /** The unit file and what changes it. */
  readonly files: readonly string[];
}

/** To be asked for of each unit. */
export const unitProperties = [
  ...['Id', 'LoadState', 'ActiveState', 'UnitFileState', 'FragmentPath', 'DropInPaths', 'MainPID', 'ExecStart'],
  ...['Environment', 'EnvironmentFiles'],
] as const;

/** @param text blocks of `Name=value` with an empty line between them; a name may be there several times */
export function parseUnits(text: string): Unit[] {
  return text
    .split(/\n\s*\n/)
    .filter((block) => block.trim() !== '')
    .map((block) => unitOf(block.split('\n')));
}

function unitOf(lines: readonly string[]): Unit {
  const all = (name: string) =>
    lines.filter((line) => line.startsWith(`${name}=`)).map((line) => line.slice(name.length + 1));
  const one = (name: string) => all(name)[0] ?? '';
  const { program, args } = commandOf(one('ExecStart'));
  return {
    name: one('Id'),
    isLoaded: one('LoadState') === 'loaded',
    isActive: ['active', 'activating', 'reloading'].includes(one('ActiveState')),
    isEnabled: one('UnitFileState').startsWith('enabled'),
    ...{ program, args },
    mainPid: Number(one('MainPID')) || 0,
    environment: assignmentsIn(wordsOf(one('Environment'))),
    environmentFiles: all('EnvironmentFiles').map((value) => value.replace(/ \(ignore_errors=(yes|no)\)$/, '')),
    files: [one('FragmentPath'), ...wordsOf(one('DropInPaths'))].filter((file) => file !== ''),
  };
}

/** Arguments stand there without quotes: one that has a blank in it falls into two. */
function commandOf(text: string): Pick<Unit, 'program' | 'args'> {
  const [, program, argv = ''] = /path=(.*?) ; argv\[\]=(.*?) ; ignore_errors=/.exec(text) ?? [];
  return { program, args: wordsOf(argv).slice(1) };
}

export function assignmentsIn(words: readonly string[]): Map<string, string> {
  const pairs = words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)] as const);
  return new Map(pairs.filter(([name]) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)));
}
