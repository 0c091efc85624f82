/** Options on a command line as the flag packages of Go read them: `--name=value`, `--name value`, and short forms. */

export type Options = ReadonlyMap<string, readonly string[]>;

/**
 * All values of each option in their order, under its long name; `true` where none follows.
 * @param longNames of the short ones
 */
export function optionsIn(args: readonly string[], longNames: Readonly<Record<string, string>> = {}): Options {
  const options = new Map<string, string[]>();
  for (const [index, argument] of args.entries()) {
    const [, name, value] = /^--?([A-Za-z][A-Za-z0-9-]*)(?:=(.*))?$/s.exec(argument) ?? [];
    if (name === undefined) continue;
    const next = args[index + 1];
    const given = value ?? (next === undefined || next.startsWith('-') ? 'true' : next);
    const long = longNames[name] ?? name;
    options.set(long, [...(options.get(long) ?? []), given]);
  }
  return options;
}

/** The one that counts: a later one replaces an earlier one. */
export function lastOf(options: Options, name: string): string | undefined {
  return options.get(name)?.at(-1);
}

export function isSwitchedOn(options: Options, name: string): boolean {
  return ['true', '1', 't'].includes(lastOf(options, name)?.toLowerCase() ?? '');
}
