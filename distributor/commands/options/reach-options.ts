/** Declares and reads the options that say where a token holds: products, groups, rollouts, and reading alone. */
import type { Command } from 'commander';
import { SlipwayError } from '../../../contract/errors.ts';
import { productSchema } from '../../../contract/release/manifest.ts';
import { objectNameSchema } from '../../declaration/object-name.ts';

export interface ReachOptions {
  readonly product?: readonly string[];
  readonly group?: readonly string[];
  readonly rollout?: readonly string[];
  readonly readOnly?: true;
}

export function withReachOptions(command: Command): Command {
  return command
    .option('--product <name>', 'only devices and rollouts of this product; repeatable', parseProduct)
    .option('--group <name>', 'only devices and rollouts of this group of the plan; repeatable', parseObjectName)
    .option('--rollout <name>', 'only this rollout and its devices; repeatable', parseObjectName)
    .option('--read-only', 'nothing is changed with it, whatever the scopes');
}

/** What is left out is not sent: older servers do not know it. */
export function reachOrderOf({ product, group, rollout, readOnly }: ReachOptions) {
  return {
    ...(product === undefined ? {} : { products: [...product] }),
    ...(group === undefined ? {} : { groups: [...group] }),
    ...(rollout === undefined ? {} : { rollouts: [...rollout] }),
    ...(readOnly === undefined ? {} : { readOnly }),
  };
}

/** @throws SlipwayError `usage` */
export function parseProduct(text: string, before: readonly string[] = []): readonly string[] {
  if (productSchema.safeParse(text).success) return [...before, text];
  throw new SlipwayError('usage', `"${text}" is not the name of a product`);
}

/** @throws SlipwayError `usage` */
export function parseObjectName(text: string, before: readonly string[] = []): readonly string[] {
  if (objectNameSchema.safeParse(text).success) return [...before, text];
  throw new SlipwayError('usage', `"${text}" is not the name of a group or a rollout`);
}
