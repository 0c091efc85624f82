/** `refresh` signs again what expires, so that devices keep trusting a repository in which nothing changes. */
import type { Command } from 'commander';
import { refreshRepository } from '../publish/refresh.ts';
import { readSigningKeys } from '../repository/key-files.ts';
import { type PackagerContext, withStore } from './context.ts';
import { examples } from './examples.ts';
import { readRoot, warnOfPastSignatures } from './publish.ts';

interface RefreshOptions {
  readonly store: string;
  readonly keys?: string;
  readonly key?: string[];
  readonly root?: string;
}

export function registerRefresh(program: Command, context: PackagerContext): void {
  program
    .command('refresh')
    .description(
      'Sign snapshot and timestamp again; run it daily. Product roles follow when half of their time is over.',
    )
    .requiredOption('--store <url>', 'file:///folder or s3://bucket/prefix')
    .option('--keys <dir>', 'folder of private keys: of snapshot and timestamp, and of products where they are at hand')
    .option('--key <file...>', 'private keys one by one')
    .option('--root <file>', "the root that devices pin; without it the store's own first root is believed")
    .addHelpText('after', examples('refresh --store file:///srv/slipway --keys keys'))
    .action(async (options: RefreshOptions) => {
      const { output } = context;
      const keys = await readSigningKeys(options, (line) => output.say(line));
      const pinnedRoot = await readRoot(options.root);
      warnOfPastSignatures(context, (line) => output.say(line));
      const result = await withStore(context, options.store, (store) =>
        refreshRepository({
          store,
          keys,
          pinnedRoot,
          signingTime: context.signingTime(),
          say: (line) => output.say(line),
          backOff: (attempt) => context.backOff(attempt),
        }),
      );
      const roles = [...result.products, 'snapshot', 'timestamp'].join(', ');
      output.answer(result, `signed ${roles}; the timestamp expires at ${result.timestampExpires}`);
    });
}
