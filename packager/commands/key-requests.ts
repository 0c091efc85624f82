/** `keys renew`, `add`, `revoke`, `rotate`, `add-product` and `lifetimes`: what is wished becomes a request that others sign. */
import path from 'node:path';
import type { Command } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import { productSchema } from '../../contract/release/manifest.ts';
import { metadataKey } from '../../contract/store-keys.ts';
import { createFile } from '../../system/files/durable-file.ts';
import { readPublicKey } from '../../system/signing/key-source.ts';
import type { Lifetimes } from '../../system/signing/lifetimes.ts';
import type { KeySurroundings } from '../../system/signing/passphrase.ts';
import { readRoot } from '../../system/signing/root-file.ts';
import { encodeRequest, newRequest } from '../repository/change-request.ts';
import { changeRoles, type RoleWishes, refuseReservedProduct } from '../repository/change-roles.ts';
import { isKeyRole } from '../repository/key-roles.ts';
import { loadRepository } from '../repository/state.ts';
import { type PackagerContext, withStore } from './context.ts';
import { examples } from './examples.ts';
import { answerRequest } from './key-answer.ts';
import { countOf, type RequestOptions, withRequestOptions } from './key-options.ts';
import { lifetimeHelp, parseLifetimes } from './lifetime-option.ts';

/** As much of a key id as somebody types. */
const keyIdPattern = /^[0-9a-f]{1,64}$/;

const noWishes: RoleWishes = { renew: [], add: [], revoke: [], thresholds: new Map(), newRoles: [] };

export function registerRequests(keys: Command, context: PackagerContext): void {
  withRequestOptions(keys.command('renew'))
    .description('Ask for a new signature of root or targets, which hold for another year and half a year.')
    .argument('<document...>', 'root, targets or both')
    .addHelpText('after', examples('keys renew root targets --store s3://releases/edge --out renew.json'))
    .action(async (documents: string[], options: RequestOptions) => {
      const renew = documents.map((name) => {
        if (name === 'root' || name === 'targets') return name;
        throw new SlipwayError('usage', `expected root or targets, found ${JSON.stringify(name)}`, {
          hint: 'Products, snapshot and timestamp are signed again by slipway-packager refresh.',
        });
      });
      await makeRequest(context, options, async () => ({ ...noWishes, renew }));
    });
  withRequestOptions(keys.command('add'))
    .description('Ask for more keys of a role: root, targets, online, permits, offline or a product.')
    .argument('<role>', 'whose keys')
    .requiredOption('--add <file...>', 'public keys, or private ones')
    .option('--threshold <n>', 'how many of its keys have to sign from now on')
    .addHelpText(
      'after',
      examples('keys add root --add root-4.pub.pem --threshold 3 --store s3://releases/edge --out add.json'),
    )
    .action((role: string, options: RequestOptions & { readonly add: string[] }) =>
      makeRequest(context, options, async (roles) =>
        changeOf(role, options, options.add, [], roles, context.keySurroundings),
      ),
    );
  withRequestOptions(keys.command('revoke'))
    .description('Ask to take keys from a role: from then on nothing that they sign is believed.')
    .argument('<role>', 'whose keys')
    .requiredOption(
      '--revoke <id...>',
      'key ids as keys status shows them, the first 8 digits at least, or files of keys',
    )
    .option('--threshold <n>', 'how many of its keys have to sign from now on')
    .addHelpText(
      'after',
      examples('keys revoke targets --revoke 3f786850e387 --store s3://releases/edge --out revoke.json'),
    )
    .action((role: string, options: RequestOptions & { readonly revoke: string[] }) =>
      makeRequest(context, options, async (roles) =>
        changeOf(role, options, [], options.revoke, roles, context.keySurroundings),
      ),
    );
  withRequestOptions(keys.command('rotate'))
    .description('Ask to put new keys in the place of others in one step: after a loss, a theft, or a person who left.')
    .argument('<role>', 'whose keys')
    .requiredOption('--revoke <id...>', 'keys that go: ids, or files')
    .requiredOption('--add <file...>', 'keys that come')
    .option('--threshold <n>', 'how many of its keys have to sign from now on')
    .addHelpText(
      'after',
      examples(
        'keys rotate online --revoke 89e6c98d9288 --add online-2.pub.pem --store s3://releases/edge --out rotate.json',
      ),
    )
    .action((role: string, options: RequestOptions & { readonly add: string[]; readonly revoke: string[] }) =>
      makeRequest(context, options, async (roles) =>
        changeOf(role, options, options.add, options.revoke, roles, context.keySurroundings),
      ),
    );
  withRequestOptions(keys.command('add-product'))
    .description('Ask for a product that the repository does not have yet, with keys of its own.')
    .argument('<product>', 'name of the product')
    .requiredOption('--add <file...>', 'keys that sign its releases')
    .option('--threshold <n>', 'how many of them have to sign')
    .addHelpText(
      'after',
      examples('keys add-product k0s-edge --add ci-k0s.pub.pem --store s3://releases/edge --out product.json'),
    )
    .action((name: string, options: RequestOptions & { readonly add: string[] }) => {
      refuseReservedProduct(name);
      const parsed = productSchema.safeParse(name);
      if (!parsed.success)
        throw new SlipwayError('usage', `${JSON.stringify(name)}: ${parsed.error.issues[0]?.message}`);
      return makeRequest(context, options, async () => ({
        ...(await changeOf(name, options, options.add, [], [], context.keySurroundings)),
        newRoles: [name],
      }));
    });
  withRequestOptions(keys.command('lifetimes'))
    .description('Ask for other lifetimes of signatures; they hold from the next signature of each role on.')
    .argument('<role=days...>', lifetimeHelp)
    .addHelpText(
      'after',
      examples('keys lifetimes timestamp=3 snapshot=14 --store s3://releases/edge --out lifetimes.json'),
    )
    .action((words: string[], options: RequestOptions) =>
      makeRequest(context, options, async (_roles, before) => ({
        ...noWishes,
        lifetimes: parseLifetimes(words, before),
      })),
    );
}

async function changeOf(
  role: string,
  { threshold }: RequestOptions,
  add: readonly string[],
  revoke: readonly string[],
  known: readonly string[],
  around: KeySurroundings,
): Promise<RoleWishes> {
  const added = await Promise.all(add.map((source) => readPublicKey(source, around)));
  const revoked = await Promise.all(
    revoke.map(async (text) => (keyIdPattern.test(text) ? text : (await readPublicKey(text, around)).keyId)),
  );
  return {
    ...noWishes,
    add: added.map((key) => ({ role, key })),
    revoke: revoked.map((keyId) => ({ role, keyId })),
    thresholds: new Map(threshold === undefined ? [] : [[role, countOf('--threshold', threshold)]]),
    newRoles: isKeyRole(role) && !known.includes(role) ? [role] : [],
  };
}

/** @param wishesOf told which roles targets delegates to today, and how long signatures hold */
async function makeRequest(
  context: PackagerContext,
  options: RequestOptions,
  wishesOf: (delegated: readonly string[], lifetimes: Lifetimes) => Promise<RoleWishes>,
): Promise<void> {
  const pinned = await readRoot(options.root);
  const { state, targetsVersion } = await withStore(context, options.store, async (store) => {
    const state = await loadRepository(store, pinned);
    // A publish that was given up has left its name; targets may pass it over.
    let targetsVersion = state.targets.signed.version + 1;
    while (await store.stat(metadataKey('targets', targetsVersion))) targetsVersion++;
    return { state, targetsVersion };
  });
  const { root, targets } = state;
  const wishes = await wishesOf(Object.keys(targets.signed.delegations?.roles ?? {}), state.lifetimes);
  const changed = changeRoles(
    { root: root.signed, targets: targets.signed },
    wishes,
    context.signingTime(),
    targetsVersion,
  );
  const request = newRequest({ root, targets }, changed);
  if (!(await createFile(options.out, encodeRequest(request), 0o644))) {
    throw new SlipwayError('usage', `${path.basename(options.out)} is there already`, {
      hint: 'It may hold signatures; give another --out.',
    });
  }
  answerRequest(context, options.out, request);
}
