/** `refresh` signs again what expires, so that devices keep trusting a repository in which nothing changes. */
import type { Command } from 'commander';
import { type KeyPlaces, readSigningKeys } from '../../system/signing/key-files.ts';
import { readRoot } from '../../system/signing/root-file.ts';
import { refreshRepository } from '../publish/refresh.ts';
import { type PackagerContext, withStore } from './context.ts';
import { examples } from './examples.ts';
import { keySourceHelp, passphraseHelp } from './key-options.ts';
import { warnOfPastSignatures } from './publish.ts';

interface RefreshOptions extends KeyPlaces {
  readonly store: string;
  readonly root?: string;
  readonly hashBins?: string[];
}

export function registerRefresh(program: Command, context: PackagerContext): void {
  program
    .command('refresh')
    .description(
      'Sign snapshot and timestamp again; run it daily. Product roles follow when half of their time is over.',
    )
    .requiredOption('--store <url>', 'file:///folder or s3://bucket/prefix')
    .option('--keys <dir>', 'folder of private keys: of snapshot and timestamp, and of products where they are at hand')
    .option('--key <source...>', keySourceHelp)
    .option('--passphrase-file <file>', passphraseHelp)
    .option('--root <file>', "the root that devices pin; without it the store's own first root is believed")
    .option(
      '--hash-bins <product...>',
      'put the releases of these products into hash bins, which devices read one by one',
    )
    .addHelpText('after', examples('refresh --store file:///srv/slipway --keys keys'))
    .action(async (options: RefreshOptions) => {
      const { output } = context;
      const keys = await readSigningKeys(options, context.keySurroundings, (line) => output.say(line));
      const pinnedRoot = await readRoot(options.root);
      warnOfPastSignatures(context, (line) => output.say(line));
      const result = await withStore(context, options.store, (store) =>
        refreshRepository({
          store,
          keys,
          pinnedRoot,
          hashBins: options.hashBins ?? [],
          signingTime: context.signingTime(),
          say: (line) => output.say(line),
          backOff: (attempt) => context.backOff(attempt),
        }),
      );
      const roles = [...result.products, 'snapshot', 'timestamp'].join(', ');
      output.answer(result, `signed ${roles}; the timestamp expires at ${result.timestampExpires}`);
    });
}
