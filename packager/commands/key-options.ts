/** Options that the verbs of `keys` share. */
import type { Command } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import { passphraseVariable } from '../../system/signing/passphrase.ts';

export interface StoreOptions {
  readonly store: string;
  readonly root?: string;
}

export interface RequestOptions extends StoreOptions {
  readonly out: string;
  readonly threshold?: string;
}

export function withRepositoryOptions(command: Command): Command {
  return command
    .requiredOption('--store <url>', 'file:///folder or s3://bucket/prefix')
    .option('--root <file>', "the root that devices pin; without it the store's own first root is believed");
}

export function withRequestOptions(command: Command): Command {
  return withRepositoryOptions(command).requiredOption('--out <file>', 'the request, for those who sign');
}

/** What `--key` takes, in each verb that signs. */
export const keySourceHelp =
  'private keys one by one: a PEM, a sealed key, a file that names a signing command, or env:NAME';
export const passphraseHelp = `with the passphrase of sealed keys; else it is in ${passphraseVariable}, or asked for in a terminal`;

export function withKeyOptions(command: Command): Command {
  return command
    .option('--keys <dir>', 'folder of private keys')
    .option('--key <source...>', keySourceHelp)
    .option('--passphrase-file <file>', passphraseHelp);
}

export function countOf(option: string, text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new SlipwayError('usage', `${option}: expected a number from 1 to 9999, found ${JSON.stringify(text)}`);
}
