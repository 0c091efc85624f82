/** Options of the k3s stand-in as K3s gathers them (pkg/configfilearg/parser.go): files first, then arguments over them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

export const defaultDataDirectory = '/var/lib/rancher/k3s';

/** The last value of each option; `K3S_CONFIG_FILE` comes before `--config`. */
export function optionsOf(args: readonly string[], environment: NodeJS.ProcessEnv): Map<string, string> {
  const given = new Map<string, string>();
  for (const [index, argument] of args.entries()) {
    const [, name, value] = /^--?([a-z][a-z0-9-]*)(?:=(.*))?$/.exec(argument) ?? [];
    if (name === undefined) continue;
    const next = args[index + 1];
    given.set(longNames[name] ?? name, value ?? (next === undefined || next.startsWith('-') ? 'true' : next));
  }
  const file = environment.K3S_CONFIG_FILE || given.get('config') || '/etc/rancher/k3s/config.yaml';
  const folder = `${file}.d`;
  const parts = existsSync(folder) ? readdirSync(folder).filter((name) => /\.ya?ml$/i.test(name)) : [];
  const options = new Map<string, string>();
  for (const each of [file, ...parts.sort().map((name) => path.join(folder, name))]) {
    if (!existsSync(each)) continue;
    const values: Record<string, unknown> = parse(readFileSync(each, 'utf8')) ?? {};
    for (const [key, value] of Object.entries(values)) options.set(key.replace(/\+$/, ''), String(value));
  }
  return new Map([...options, ...given]);
}

const longNames: Readonly<Record<string, string>> = { d: 'data-dir', c: 'config', s: 'server', t: 'token' };
