/** `keys sign` and `keys publish`: a request collects its signatures and comes into force. */
import type { Command } from 'commander';
import { replaceFile } from '../../system/files/durable-file.ts';
import { type KeyPlaces, readSigningKeys } from '../../system/signing/key-files.ts';
import { readRoot } from '../../system/signing/root-file.ts';
import { applyChange } from '../publish/apply-change.ts';
import { readGiven } from '../release/given-document.ts';
import {
  type ChangeRequest,
  decodeRequest,
  encodeRequest,
  requireKnownRoot,
  signRequest,
} from '../repository/change-request.ts';
import { describeChange } from '../repository/change-words.ts';
import { type PackagerContext, withStore } from './context.ts';
import { examples } from './examples.ts';
import { answerRequest } from './key-answer.ts';
import { type StoreOptions, withKeyOptions, withRepositoryOptions } from './key-options.ts';
import { warnOfPastSignatures } from './publish.ts';

export function registerSign(keys: Command, context: PackagerContext): void {
  withKeyOptions(keys.command('sign'))
    .description('Show what a request changes, and add the signatures of keys to its file.')
    .argument('<request>', 'file of a request')
    .option('--show', 'only show it', false)
    .option('--root <file>', 'the newest root that you know: a request that says otherwise of it is refused')
    .addHelpText('after', examples('keys sign renew.json --show', 'keys sign renew.json --key root-1.key.pem'))
    .action(async (file: string, options: KeyPlaces & { readonly show: boolean; readonly root?: string }) => {
      const request = await readRequest(file);
      const known = await readRoot(options.root);
      if (known) requireKnownRoot(request, known);
      if (!options.show) {
        for (const line of describeChange(request)) context.output.say(line);
        const signers = await readSigningKeys(options, context.keySurroundings, (line) => context.output.say(line));
        const documents = signRequest(request, signers);
        await replaceFile(file, encodeRequest(request));
        context.output.say(documents.length === 0 ? 'signed already' : `signed ${documents.join(' and ')}`);
      }
      answerRequest(context, file, request);
    });
}

export function registerPublishChange(keys: Command, context: PackagerContext): void {
  withKeyOptions(withRepositoryOptions(keys.command('publish')))
    .description('Bring a request that has its signatures into force. Devices follow by themselves.')
    .argument('<request>', 'file of a request')
    .addHelpText(
      'after',
      `\nGive the keys of snapshot and timestamp, and those of products whose keys change, as they are afterwards.\n${examples(
        'keys publish renew.json --store s3://releases/edge --key online.key.pem',
      )}`,
    )
    .action(async (file: string, options: KeyPlaces & StoreOptions) => {
      const request = await readRequest(file);
      const signers = await readSigningKeys(options, context.keySurroundings, (line) => context.output.say(line));
      const pinnedRoot = await readRoot(options.root);
      warnOfPastSignatures(context, (line) => context.output.say(line));
      const applied = await withStore(context, options.store, (store) =>
        applyChange({
          store,
          request,
          keys: signers,
          pinnedRoot,
          signingTime: context.signingTime(),
          backOff: (attempt) => context.backOff(attempt),
        }),
      );
      const { rootVersion, targetsVersion } = applied;
      context.output.answer(applied, `in force: root ${rootVersion}, targets ${targetsVersion}`);
    });
}

async function readRequest(file: string): Promise<ChangeRequest> {
  const { bytes, name } = await readGiven(file);
  return decodeRequest(bytes, name);
}
