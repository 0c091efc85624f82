/** Makes a token that a person asks for: to let devices in, for a person, or for CI. */
import * as z from 'zod';
import { givenLabelsSchema } from '../../../contract/device-api/labels.ts';
import { productSchema } from '../../../contract/release/manifest.ts';
import { objectNameSchema } from '../../declaration/object-name.ts';
import type { Plan } from '../../declaration/plan.ts';
import { tokenCreated } from '../../events/audit.ts';
import { labelsOfGroups } from '../labels/group-labels.ts';
import type { TokenStore } from '../ports.ts';
import { reachOf, reachShape } from './reach.ts';
import { scopeSchema } from './scopes.ts';
import { mintToken, type RandomBytes } from './token.ts';
import { type MadeToken, tokenViewOf } from './token-view.ts';

const maxUses = 1_000_000;
const maxProducts = 64;
const maxGroups = 16;
const maxLifetimeSeconds = 10 * 366 * 86_400;
const daySeconds = 86_400;

/** One line for lists. */
export const tokenNameSchema = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^\P{C}*$/u, 'expected one line without control characters');

const lifetimeSchema = z.number().int().min(1).max(maxLifetimeSeconds);

export const tokenOrderSchema = z.discriminatedUnion('purpose', [
  z.strictObject({
    purpose: z.literal('enrol'),
    name: tokenNameSchema.optional(),
    /** How many devices it enrols. */
    uses: z.number().int().min(1).max(maxUses).default(1),
    /** Of each device that it enrols; they win over what the device says of itself. */
    labels: givenLabelsSchema.default({}),
    /** Devices of these alone; empty: of any product that the repository has. */
    products: z.array(productSchema).max(maxProducts).default([]),
    /** Each device comes into these groups of the plan in force, by labels that it is given. */
    groups: z.array(objectNameSchema).max(maxGroups).default([]),
    expiresInSeconds: lifetimeSchema.default(daySeconds),
  }),
  z.strictObject({
    purpose: z.enum(['operator', 'ci']),
    name: tokenNameSchema.optional(),
    scopes: z.array(scopeSchema).min(1),
    /** Where the scopes hold; see FleetReach. */
    ...reachShape,
    /** Absent: it never ends by itself. */
    expiresInSeconds: lifetimeSchema.optional(),
  }),
]);
export type TokenOrder = z.infer<typeof tokenOrderSchema>;
/** As it is written: what is left out is not sent, because older servers may not know it. */
export type WrittenTokenOrder = z.input<typeof tokenOrderSchema>;

export interface OrderedBy {
  /** As in the audit log. */
  readonly actor: string;
  readonly at: number;
  readonly randomBytes: RandomBytes;
  /** In force. */
  readonly plan: Pick<Plan, 'groups'>;
}

/** Makes it and keeps its hash, on record. The text is in the answer and nowhere else. @throws SlipwayError `usage` */
export async function makeToken(
  store: Pick<TokenStore, 'saveToken'>,
  order: TokenOrder,
  { actor, at, randomBytes, plan }: OrderedBy,
): Promise<MadeToken> {
  const { purpose, name, expiresInSeconds: lifetimeSeconds } = order;
  const allowed =
    'scopes' in order ? { scopes: [...new Set(order.scopes)], reach: reachOf(order) } : enrolmentOf(order, plan);
  const { token, record } = mintToken({ purpose, name, lifetimeSeconds, ...allowed, by: actor, now: at, randomBytes });
  await store.saveToken(record, tokenCreated(record, actor, at));
  return { token, ...tokenViewOf(record, at) };
}

function enrolmentOf(order: Extract<TokenOrder, { purpose: 'enrol' }>, plan: OrderedBy['plan']) {
  const groups = [...new Set(order.groups)];
  const labels = labelsOfGroups(plan, groups, order.labels);
  return { uses: order.uses, bound: { labels, products: [...new Set(order.products)], groups } };
}
