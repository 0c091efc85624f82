/** `bundle` packs one release of a store into one file. */
import type { Command } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import { sizeText } from '../../system/command-line/size.ts';
import type { KeyPlaces } from '../../system/signing/key-files.ts';
import { readRoot } from '../../system/signing/root-file.ts';
import { parseSelector } from '../bundle/release-selector.ts';
import { writeBundle } from '../bundle/write-bundle.ts';
import { type PackagerContext, withStore } from './context.ts';
import { examples } from './examples.ts';
import { grantWishOf } from './grant-wish.ts';
import { keySourceHelp, passphraseHelp } from './key-options.ts';

interface BundleOptions extends KeyPlaces {
  readonly validFor?: string;
  readonly device?: string;
  readonly group?: string;
  readonly store: string;
  readonly release?: string;
  readonly channel?: string;
  readonly out: string;
  readonly root?: string;
  readonly attachments: boolean;
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
    .option('--attachments', 'with SBOMs, the statement and what upstream signed: for devices that require them', false)
    .option(
      '--valid-for <days>',
      'as 90d: with an offline grant, which devices accept for so long after the metadata has ended',
    )
    .option('--device <id>', 'with --valid-for: for this device alone')
    .option('--group <label=value>', 'with --valid-for: for devices whose configuration has this label')
    .option('--keys <dir>', 'with --valid-for: folder with a private key of the role offline')
    .option('--key <source...>', keySourceHelp)
    .option('--passphrase-file <file>', passphraseHelp)
    .option('--root <file>', "the root that devices pin; without it the store's own first root is believed")
    .addHelpText(
      'after',
      examples(
        'bundle --store file:///srv/slipway --release k3s-edge/linux-arm64/1.33.9+k3s1 --out k3s-edge.bundle',
        'bundle --store s3://releases/edge --channel k3s-edge/linux-arm64/stable --out k3s-edge.bundle',
        'bundle --store s3://releases/edge --channel k3s-edge/linux-arm64/stable --out ship-7.bundle --valid-for 90d --device ship-7 --key offline.key.pem',
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
      const wish = await grantWishOf(options, context);
      const pinnedRoot = await readRoot(options.root);
      const summary = await withStore(context, options.store, (store) =>
        writeBundle({
          store,
          selector,
          file: options.out,
          pinnedRoot,
          now: context.now(),
          progress: context.progress('bundling'),
          wish,
          isWithAttachments: options.attachments,
        }),
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
