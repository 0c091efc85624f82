/** `prune` removes from a store what nothing names any more; without `--yes` it only says what that is. */
import type { Command } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import { sizeText } from '../../system/command-line/size.ts';
import { readRoot } from '../../system/signing/root-file.ts';
import { findUnnamed, removeUnnamed } from '../publish/prune.ts';
import { type PackagerContext, withStore } from './context.ts';
import { examples } from './examples.ts';
import { type StoreOptions, withRepositoryOptions } from './key-options.ts';

interface PruneOptions extends StoreOptions {
  readonly olderThan: string;
  readonly yes?: boolean;
}

/** A publish or a download may be under way for so long. */
const minDays = 2;

export function registerPrune(program: Command, context: PackagerContext): void {
  withRepositoryOptions(program.command('prune'))
    .description('Show, and with --yes remove, metadata and blobs that no role names any more. Roots always stay.')
    .option(
      '--older-than <days>',
      `as 30d, ${minDays}d at least: what was written later stays, for devices on their way`,
      '30d',
    )
    .option('--yes', 'remove it; do not publish meanwhile')
    .addHelpText(
      'after',
      examples('prune --store s3://releases/edge', 'prune --store s3://releases/edge --older-than 90d --yes'),
    )
    .action(async ({ store: url, root, olderThan, yes }: PruneOptions) => {
      const days = Number(/^(\d{1,4})d$/.exec(olderThan)?.[1]);
      if (!(days >= minDays))
        throw new SlipwayError('usage', `--older-than: expected ${minDays}d or more, found ${olderThan}`);
      const pinnedRoot = await readRoot(root);
      const found = await withStore(context, url, async (store) => {
        const input = { store, pinnedRoot, now: context.now(), olderThanDays: days };
        const unnamed = await findUnnamed(input);
        if (yes) await removeUnnamed(input, unnamed);
        return unnamed;
      });
      const bytes = found.reduce((sum, { length }) => sum + length, 0);
      const objects = found.map(({ key, length }) => ({ key, length }));
      const done = yes ? 'removed' : 'would be removed, with --yes';
      context.output.answer(
        { removed: yes === true, bytes, objects },
        [...(yes ? [] : objects.map(({ key }) => key)), `${objects.length} objects, ${sizeText(bytes)}, ${done}`].join(
          '\n',
        ),
      );
    });
}
