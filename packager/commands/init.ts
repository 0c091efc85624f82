/** `init` makes a new repository in an empty store. */
import path from 'node:path';
import type { Command } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import { productSchema } from '../../contract/release/manifest.ts';
import { replaceFile } from '../../system/files/durable-file.ts';
import { createRepository, type RepositoryKeys } from '../publish/create-repository.ts';
import { refuseReservedName } from '../repository/change-roles.ts';
import { privateKeySuffix, readKeyFile, readOrWriteKeyPair } from '../repository/key-files.ts';
import type { RoleKeys } from '../repository/offline-roles.ts';
import { type PackagerContext, withStore } from './context.ts';
import { examples } from './examples.ts';

interface InitOptions {
  readonly store: string;
  readonly product: string[];
  readonly demo?: boolean;
  readonly keys?: string;
  readonly rootKey?: string[];
  readonly rootThreshold: string;
  readonly targetsKey?: string[];
  readonly targetsThreshold: string;
  readonly productKey?: string[];
  readonly onlineKey?: string[];
  readonly permitKey?: string[];
  readonly rootOut?: string;
}

export function registerInit(program: Command, context: PackagerContext): void {
  program
    .command('init')
    .description('Make a new repository: its root of trust, its products and an empty state.')
    .requiredOption('--store <url>', 'file:///folder or s3://bucket/prefix')
    .requiredOption('--product <name...>', 'products; each gets a role of its own')
    .option('--demo', 'for trying out: one key a role, made in --keys, thresholds of 1; says so in the metadata')
    .option('--keys <dir>', 'with --demo: where its keys are made')
    .option('--root-key <file...>', 'keys of root, private or public')
    .option('--root-threshold <n>', 'signatures that root needs', '2')
    .option('--targets-key <file...>', 'keys of targets, private or public')
    .option('--targets-threshold <n>', 'signatures that targets needs', '2')
    .option('--product-key <file...>', 'key of every product, or NAME=FILE for one of them')
    .option('--online-key <file...>', 'keys of snapshot and timestamp; one signature is enough')
    .option(
      '--permit-key <file...>',
      'keys of permits, with which a distributor sends devices back; one signature is enough, none without it',
    )
    .option('--root-out <file>', 'write the root that devices pin')
    .addHelpText(
      'after',
      examples(
        'init --demo --store file:///srv/slipway --keys keys --product k3s-edge --root-out root.json',
        'init --store s3://releases/edge --product k3s-edge --root-key root-1.key.pem root-2.key.pem root-3.pub.pem ' +
          '--targets-key targets-1.key.pem targets-2.key.pem targets-3.pub.pem --product-key ci.key.pem --online-key online.key.pem --permit-key permits.pub.pem',
      ),
    )
    .action(async (options: InitOptions) => {
      const { output } = context;
      const products = options.product.map(parseProduct);
      const demo = options.demo === true;
      if (demo)
        output.say('warning: a demonstration repository: one key a role and thresholds of 1; not for real devices');
      const keys = demo ? await demoKeys(options, products) : await givenKeys(options, products);
      const root = await withStore(context, options.store, (store) =>
        createRepository(store, keys, context.signingTime(), demo),
      );
      if (options.rootOut !== undefined) await replaceFile(options.rootOut, root.bytes);
      const result = {
        demo,
        products,
        permits: keys.permits !== undefined,
        rootVersion: root.signed.version,
        rootExpires: root.signed.expires,
        root: new TextDecoder().decode(root.bytes),
        rootFile: options.rootOut,
      };
      const where = options.rootOut === undefined ? 'metadata/1.root.json in the store' : options.rootOut;
      output.answer(result, `repository for ${products.join(', ')}; devices pin ${where}`);
    });
}

function parseProduct(name: string): string {
  const parsed = productSchema.safeParse(name);
  refuseReservedName(name);
  if (parsed.success) return parsed.data;
  throw new SlipwayError('usage', `--product ${JSON.stringify(name)}: ${parsed.error.issues[0]?.message}`);
}

/** Keys that an earlier, interrupted call made are taken again. */
async function demoKeys(options: InitOptions, products: readonly string[]): Promise<RepositoryKeys> {
  const folder = options.keys;
  if (folder === undefined) throw new SlipwayError('usage', '--demo needs --keys DIR for the keys that it makes');
  const one = async (name: string): Promise<RoleKeys> => {
    await readOrWriteKeyPair(folder, name);
    return { keys: [await readKeyFile(path.join(folder, name + privateKeySuffix))], threshold: 1 };
  };
  const byProduct = new Map<string, RoleKeys>();
  for (const product of products) byProduct.set(product, await one(`product-${product}`));
  return {
    root: await one('root'),
    targets: await one('targets'),
    online: await one('online'),
    products: byProduct,
    permits: await one('permits'),
  };
}

async function givenKeys(options: InitOptions, products: readonly string[]): Promise<RepositoryKeys> {
  if (options.keys !== undefined) {
    throw new SlipwayError('usage', '--keys belongs to --demo', {
      hint: 'Name the keys of each role by its own option.',
    });
  }
  const role = async (name: string, files: readonly string[] | undefined, threshold: number): Promise<RoleKeys> => {
    if (files === undefined || files.length === 0) {
      throw new SlipwayError('usage', `--${name}-key is missing`, { hint: 'Or try it out with --demo.' });
    }
    return { keys: await Promise.all(files.map(readKeyFile)), threshold };
  };
  const byProduct = new Map<string, RoleKeys>();
  for (const product of products) {
    const own = (options.productKey ?? []).flatMap((text) => {
      const [name, file] = text.split(/=(.*)/s);
      return file === undefined ? [text] : name === product ? [file] : [];
    });
    byProduct.set(product, await role('product', own, 1));
  }
  return {
    root: await role('root', options.rootKey, threshold('root', options.rootThreshold)),
    targets: await role('targets', options.targetsKey, threshold('targets', options.targetsThreshold)),
    online: await role('online', options.onlineKey, 1),
    products: byProduct,
    ...(options.permitKey === undefined ? {} : { permits: await role('permit', options.permitKey, 1) }),
  };
}

function threshold(role: string, text: string): number {
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new SlipwayError('usage', `--${role}-threshold: expected a number from 1 to 99, found ${JSON.stringify(text)}`);
}
