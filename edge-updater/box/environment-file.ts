/** A file of EnvironmentFile= (systemd.exec(5)): one assignment a line, quotes around values, `#` and `;` for comments. */
import { assignmentsIn } from './unit.ts';
import { wordsOf } from './words.ts';

export function parseEnvironmentFile(text: string): Map<string, string> {
  const lines = text.replaceAll(/\\\n/g, '').split('\n');
  const settings = lines.map((line) => line.trim()).filter((line) => !/^(#|;|$)/.test(line));
  return assignmentsIn(settings.map(settingOf));
}

/** Blanks around a value do not count, inside it they do. */
function settingOf(line: string): string {
  const equals = line.indexOf('=');
  const value = line.slice(equals + 1).trim();
  return `${line.slice(0, equals).trim()}=${/["'\\]/.test(value) ? wordsOf(value).join(' ') : value}`;
}
