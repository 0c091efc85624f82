/** `keygen` makes new key pairs, as PEM files or sealed with a passphrase. */
import { type Command, Option } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import { type WrittenKey, writeKeyPair } from '../../system/signing/key-files.ts';
import { findPassphrase, passphraseVariable } from '../../system/signing/passphrase.ts';
import { type KeyType, keyTypes } from '../../system/signing/signing-key.ts';
import type { PackagerContext } from './context.ts';
import { examples } from './examples.ts';

interface KeygenOptions {
  readonly out: string;
  readonly type: KeyType;
  readonly sealed?: boolean;
  readonly passphraseFile?: string;
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export function registerKeygen(program: Command, context: PackagerContext): void {
  program
    .command('keygen')
    .description(
      'Make key pairs: NAME.key.pem (secret, mode 0600), or NAME.key.json where it is sealed, and NAME.pub.pem.',
    )
    .argument('<name...>', 'names of the files')
    .requiredOption('--out <dir>', 'folder of the files')
    .addOption(
      new Option('--type <type>', 'ecdsa-p256 is for hardware and services that know no ed25519')
        .choices(keyTypes)
        .default('ed25519'),
    )
    .option('--sealed', `with a passphrase, from ${passphraseVariable} or asked for in a terminal`)
    .option('--passphrase-file <file>', 'seal with the passphrase in this file')
    .addHelpText(
      'after',
      examples(
        'keygen root-1 root-2 root-3 --out keys',
        'keygen root-1 --out keys --sealed',
        'keygen online --type ecdsa-p256 --out keys --json',
      ),
    )
    .action(async (names: string[], options: KeygenOptions) => {
      const odd = names.find((name) => !namePattern.test(name));
      if (odd !== undefined) throw new SlipwayError('usage', `${JSON.stringify(odd)} is not a name for a key`);
      const keys: WrittenKey[] = [];
      const passphrase = await passphraseOf(options, context);
      for (const name of names) keys.push(await writeKeyPair(options.out, name, { type: options.type, passphrase }));
      const lines = keys.map((key) => `${key.keyId}  ${key.privateFile}  ${key.publicFile}`);
      context.output.answer({ keys }, lines.join('\n'));
    });
}

/** Who has set the variable means it, also without `--sealed`. */
async function passphraseOf(
  { sealed, passphraseFile }: KeygenOptions,
  { keySurroundings }: PackagerContext,
): Promise<string | undefined> {
  if (!sealed && passphraseFile === undefined && !keySurroundings.env[passphraseVariable]) return undefined;
  return findPassphrase('the new keys', passphraseFile, keySurroundings);
}
