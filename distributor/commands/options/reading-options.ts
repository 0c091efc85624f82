/** Declares and reads the options of `serve` that say who reads what is stored, and where blobs are sent from. */
import type { Command } from 'commander';
import { SlipwayError } from '../../../contract/errors.ts';
import { productSchema } from '../../../contract/release/manifest.ts';
import { keepsSecrets } from '../../../system/network/transport.ts';
import { everyProduct } from '../../catalog/private-products.ts';

export interface ReadingOptions {
  readonly requireTokenForReads: boolean;
  readonly privateProduct?: readonly string[];
  readonly blobsFrom?: string;
}

export function addReadingOptions(command: Command): Command {
  return command
    .option('--require-token-for-reads', 'metadata, manifests and blobs only with a token', false)
    .option(
      '--private-product <name>',
      'metadata, manifests and blobs of this product only for its devices; repeatable, "*" for every product',
      parsePrivateProduct,
    )
    .option(
      '--blobs-from <url>',
      'send clients to this address for blobs: a cache in front; what is private by links of 5 minutes',
      parseOrigin,
    );
}

function parsePrivateProduct(text: string, before: readonly string[] = []): readonly string[] {
  if (text === everyProduct || productSchema.safeParse(text).success) return [...before, text];
  throw new SlipwayError('usage', `"${text}" is not the name of a product`, { hint: 'Write "*" for every product.' });
}

function parseOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url && url.search === '' && url.hash === '' && url.username === '' && url.password === '';
  if (url && isPlain && keepsSecrets(url)) return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  throw new SlipwayError('usage', `"${text}" is not an address that blobs can be had from`, {
    hint: 'Write https://cache.example.com; http is for loopback alone.',
  });
}
