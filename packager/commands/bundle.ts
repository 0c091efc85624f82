/** `bundle` packs one release of a store into one file. */
import type { Command } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import { sizeText } from '../../system/command-line/size.ts';
import { parseSelector } from '../bundle/release-selector.ts';
import { writeBundle } from '../bundle/write-bundle.ts';
import { type PackagerContext, withStore } from './context.ts';
import { examples } from './examples.ts';
import { readRoot } from './publish.ts';

interface BundleOptions {
  readonly store: string;
  readonly release?: string;
  readonly channel?: string;
  readonly out: string;
  readonly root?: string;
}

export function registerBundle(program: Command, context: PackagerContext): void {
  program
    .command('bundle')
    .description(
      'Write a release with its signed metadata and full blobs into one file, for devices without a network.',
    )
    .requiredOption('--store <url>', 'file:///folder or s3://bucket/prefix')
    .requiredOption('--out <file>', 'the bundle')
    .option('--release <product/os-arch/version>', 'the release by its version')
    .option('--channel <product/os-arch/channel>', 'the release that a channel points to')
    .option('--root <file>', "the root that devices pin; without it the store's own first root is believed")
    .addHelpText(
      'after',
      examples(
        'bundle --store file:///srv/slipway --release k3s-edge/linux-arm64/1.33.9+k3s1 --out k3s-edge.bundle',
        'bundle --store s3://releases/edge --channel k3s-edge/linux-arm64/stable --out k3s-edge.bundle',
      ),
    )
    .action(async (options: BundleOptions) => {
      const { output } = context;
      const { release, channel } = options;
      if ((release === undefined) === (channel === undefined)) {
        throw new SlipwayError('usage', 'expected one of --release and --channel');
      }
      const selector =
        release === undefined ? parseSelector(channel ?? '', 'channel') : parseSelector(release, 'version');
      const root = await readRoot(options.root);
      const summary = await withStore(context, options.store, (store) =>
        writeBundle(store, selector, options.out, root, context.now(), context.progress('bundling')),
      );
      output.answer(
        { ...summary, file: options.out },
        [
          `${options.out}: ${summary.targetPath}, ${sizeText(summary.blobBytes)} in ${summary.members} members`,
          `devices accept it until ${summary.expires}`,
        ].join('\n'),
      );
    });
}
