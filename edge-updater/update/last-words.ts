/** Describes what a service wrote last, and where a person reads the rest. */
import { maskSecrets } from './secrets.ts';

export interface LastWords {
  /** As the service wrote it; undefined where it wrote nothing that can be read. */
  readonly line?: string | undefined;
  /** A file, or a command that shows it. */
  readonly where: string;
}

const maxLine = 200;

/** Ready to be sent: without secrets, and short. */
export function describeLastWords({ line, where }: LastWords): string {
  if (line === undefined) return `its log is ${where}`;
  const printable = maskSecrets(line)
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim();
  const cut = printable.length > maxLine ? `${printable.slice(0, maxLine)}…` : printable;
  return `its last line is "${cut}", its log is ${where}`;
}

/** Of a command that has ended: the last line of what it said, of its errors first; empty for nothing. */
export function lastLineOfOutput({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): string {
  return (stderr.trim() || stdout.trim()).split('\n').at(-1)?.slice(0, maxLine) ?? '';
}
