/** `keygen` makes new ed25519 key pairs as PEM files. */
import type { Command } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import { type WrittenKey, writeKeyPair } from '../repository/key-files.ts';
import type { PackagerContext } from './context.ts';
import { examples } from './examples.ts';

interface KeygenOptions {
  readonly out: string;
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export function registerKeygen(program: Command, context: PackagerContext): void {
  program
    .command('keygen')
    .description('Make ed25519 key pairs: NAME.key.pem (secret, mode 0600) and NAME.pub.pem.')
    .argument('<name...>', 'names of the files')
    .requiredOption('--out <dir>', 'folder of the files')
    .addHelpText('after', examples('keygen root-1 root-2 root-3 --out keys', 'keygen online --out keys --json'))
    .action(async (names: string[], options: KeygenOptions) => {
      const odd = names.find((name) => !namePattern.test(name));
      if (odd !== undefined) throw new SlipwayError('usage', `${JSON.stringify(odd)} is not a name for a key`);
      const keys: WrittenKey[] = [];
      for (const name of names) keys.push(await writeKeyPair(options.out, name));
      const lines = keys.map((key) => `${key.keyId}  ${key.privateFile}  ${key.publicFile}`);
      context.output.answer({ keys }, lines.join('\n'));
    });
}
