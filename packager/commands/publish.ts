/** `publish` brings a build into a channel of a store. */
import type { Command } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { channelSchema } from '../../contract/release/manifest.ts';
import { sizeText } from '../../system/command-line/size.ts';
import { type KeyPlaces, readSigningKeys } from '../../system/signing/key-files.ts';
import { expiryAt, isExpired } from '../../system/signing/lifetimes.ts';
import { readRoot } from '../../system/signing/root-file.ts';
import { publishRelease } from '../publish/publish.ts';
import { readBuild } from '../release/build-folder.ts';
import { type PackagerContext, withStore } from './context.ts';
import { parseMemory, zstdHelp } from './delta.ts';
import { examples } from './examples.ts';
import { keySourceHelp, passphraseHelp } from './key-options.ts';

interface PublishOptions extends KeyPlaces {
  readonly store: string;
  readonly channel: string;
  readonly deltasFrom: string;
  readonly maxMemory?: string;
  readonly zstd?: string[];
  readonly verifyExisting: boolean;
  readonly remakeDeltas?: boolean;
  readonly root?: string;
}

export function registerPublish(program: Command, context: PackagerContext): void {
  program
    .command('publish')
    .description('Upload a build, make deltas from earlier releases, sign, and move the channel to it.')
    .argument('<dir>', 'a build folder')
    .requiredOption('--store <url>', 'file:///folder or s3://bucket/prefix')
    .requiredOption('--channel <name>', 'the channel that moves to this release')
    .option('--keys <dir>', 'folder of private keys: of the product, and of snapshot and timestamp')
    .option('--key <source...>', keySourceHelp)
    .option('--passphrase-file <file>', passphraseHelp)
    .option('--deltas-from <n>', 'earlier releases of the channel to make deltas from', '3')
    .option('--max-memory <megabytes>', 'for all encoders of deltas together; by default half of this machine')
    .option('--zstd <program...>', zstdHelp)
    .option('--remake-deltas', 'make deltas again that the store remembers')
    .option('--no-verify-existing', 'believe what the store holds by its length, without comparing the bytes')
    .option('--root <file>', "the root that devices pin; without it the store's own first root is believed")
    .addHelpText(
      'after',
      [
        examples('publish build --store file:///srv/slipway --channel stable --keys keys'),
        '',
        'An s3:// store takes AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL from the environment.',
        'It is reached through HTTPS_PROXY (http://user:password@host:port), or HTTP_PROXY where its endpoint is plain HTTP, unless NO_PROXY names it.',
        'Objects that the store holds are compared, by their ETag or by reading them, and replaced where they are damaged.',
        'Run it again after an interruption: it finishes, and deltas that were made are there. SOURCE_DATE_EPOCH sets the time of signing.',
      ].join('\n'),
    )
    .action(async (folder: string, options: PublishOptions) => {
      const { output } = context;
      const channel = channelSchema.safeParse(options.channel);
      if (!channel.success) throw new SlipwayError('usage', `--channel: ${channel.error.issues[0]?.message}`);
      const deltasFrom = parseCount(options.deltasFrom);
      const build = await readBuild(folder);
      const keys = await readSigningKeys(options, context.keySurroundings, (line) => output.say(line));
      const pinnedRoot = await readRoot(options.root);
      const found = context.findEncoder();
      if ('missing' in found && deltasFrom > 0) output.say(`no VCDIFF deltas: ${found.missing}`);
      const encoders = context.partEncoders(parseMemory(options.maxMemory));
      warnOfPastSignatures(context, (line) => output.say(line));
      const result = await withStore(context, options.store, async (store) =>
        publishRelease({
          store,
          build,
          channel: channel.data,
          keys,
          deltasFrom,
          encoder: 'encoder' in found ? found.encoder : undefined,
          slipway: { encoders, zstd: context.zstdEncoder(options.zstd) },
          scratch: await context.scratchFolder(),
          verifyExisting: options.verifyExisting,
          remakeDeltas: options.remakeDeltas === true,
          pinnedRoot,
          signingTime: context.signingTime(),
          progress: context.progress('uploading'),
          deltaProgress: context.progress('making deltas'),
          say: (line) => output.say(line),
          backOff: (attempt) => context.backOff(attempt),
        }),
      ).finally(() => encoders.close());
      const verb = { published: 'published', 'channel-moved': 'moved', unchanged: 'nothing to do, already there:' };
      output.answer(
        result,
        [
          `${verb[result.outcome]} ${result.targetPath} in ${result.channel}`,
          `${result.sentObjects} objects sent (${sizeText(result.sentBytes)}), ${result.deltas.length} deltas`,
          ...(result.healed.length > 0 ? [`${result.healed.length} of them replaced damaged ones`] : []),
        ].join('\n'),
      );
    });
}

/** Reproducible signatures of a commit that is days old may be expired when they are made. */
export function warnOfPastSignatures(context: PackagerContext, say: (line: string) => void): void {
  const expires = expiryAt('timestamp', context.signingTime());
  if (isExpired(expires, context.now())) {
    say(
      `warning: by SOURCE_DATE_EPOCH a timestamp of a day expires at ${expires}, which is past; devices will refuse it`,
    );
  }
}

function parseCount(text: string): number {
  if (/^\d{1,2}$/.test(text) && Number(text) <= limits.maxDeltasPerComponent) return Number(text);
  throw new SlipwayError('usage', `--deltas-from: expected a number from 0 to ${limits.maxDeltasPerComponent}`);
}
