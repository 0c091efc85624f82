/**
 * Reads what K3s is told: its files, then its arguments over them, as its own reader has it (pkg/configfilearg/parser.go of K3s):
 * config.yaml and then config.yaml.d/*.yaml in the order of their names; a key replaces what an earlier file says, a key
 * with `+` behind it appends.
 */
import * as z from 'zod';
import { SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import { parseDocument } from '../../system/documents/document.ts';
import { lastOf, type Options, optionsIn } from './command-options.ts';

export const k3sDefaults = { configFile: '/etc/rancher/k3s/config.yaml', dataDir: '/var/lib/rancher/k3s' } as const;

const longNames = { c: 'config', d: 'data-dir', s: 'server', t: 'token' } as const;

export interface TextFile {
  readonly path: string;
  readonly text: string;
}

/** Name of the file that is read first; its folder of more is beside it. */
export function configFileOf(args: readonly string[], environment: ReadonlyMap<string, string>): string {
  const named = environment.get('K3S_CONFIG_FILE') || lastOf(optionsIn(args, longNames), 'config');
  return named ?? k3sDefaults.configFile;
}

/** Of a folder, the files that are read, in their order. */
export function partsOf(names: readonly string[]): string[] {
  return names.filter((name) => /\.ya?ml$/i.test(name)).sort();
}

/** @throws SlipwayError `box-ambiguous` for a file that K3s would not read either */
export function k3sOptions(files: readonly TextFile[], args: readonly string[]): Options {
  const merged = new Map<string, readonly string[]>();
  for (const file of files) {
    for (const [key, value] of Object.entries(valuesIn(file))) {
      const name = key.replace(/\+$/, '');
      const long = Object.entries(longNames).find(([short]) => short === name)?.[1] ?? name;
      const before = name === key ? [] : (merged.get(long) ?? []);
      merged.set(long, [...before, ...textsOf(value)]);
    }
  }
  for (const [name, values] of optionsIn(args, longNames)) {
    merged.set(name, [...(merged.get(name) ?? []), ...values]);
  }
  return merged;
}

const fileSchema = z.record(z.string(), z.unknown()).nullable();

function valuesIn({ path, text }: TextFile): Record<string, unknown> {
  try {
    return parseDocument(text, fileSchema, path) ?? {};
  } catch (cause) {
    throw new SlipwayError('box-ambiguous', `K3s cannot be told by its files: ${toSlipwayError(cause).message}`, {
      ...{ cause, hint: `Correct ${path}.` },
    });
  }
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(textOf) : [textOf(value)];
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
