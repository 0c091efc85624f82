/** The end of every `--help`: examples to copy, and what the exit status means. */
import { exitStatus } from '../../contract/errors.ts';

const meanings: Record<keyof typeof exitStatus, string> = {
  ok: 'done',
  internal: 'a defect in Slipway',
  usage: 'the command was given wrongly',
  invalidInput: 'what it was given to work on is wrong',
  untrusted: 'something is not to be trusted',
  unavailable: 'the store is unavailable or refuses',
  conflict: 'conflicts with what is there already',
  localResource: 'a resource of this machine: disk, files',
  updateFailed: '',
  busy: '',
};

/** @param examples command lines without the program's name */
export function examples(...lines: readonly string[]): string {
  const statuses = Object.entries(meanings)
    .filter(([, meaning]) => meaning !== '')
    .map(([name, meaning]) => `  ${exitStatus[name as keyof typeof exitStatus]}  ${meaning}`);
  const commands = lines.map((line) => `  $ slipway-packager ${line}`);
  return ['', 'Examples:', ...commands, '', 'Exit status:', ...statuses].join('\n');
}
