/**
 * Wires the parts of a distributor: once for a server and the fleets of tests, so that neither decides or records
 * otherwise. Rollouts are wired in compose-rollouts.ts. Nothing here listens, looks at a clock by itself or knows a command line.
 */
import { setImmediate as pause } from 'node:timers/promises';
import type { StoreReader } from '../system/store/reader.ts';
import type { Catalog } from './catalog/catalog.ts';
import { composeRollouts, type Rollouts, type RolloutsOutside } from './compose-rollouts.ts';
import { LinkKeys } from './fleet/access/link-keys.ts';
import type { RandomBytes } from './fleet/access/token.ts';
import { TokenUse } from './fleet/access/token-use.ts';
import { Downloads } from './http/downloads.ts';
import type { Metrics } from './http/metrics.ts';
import type { People } from './people/people.ts';
import { type PermitSigner, permitIssuer } from './rollout/deciding/permit.ts';
import type { Policy, Services } from './services.ts';

/** What a server needs besides. */
interface ServerOutside extends Omit<RolloutsOutside, 'releases' | 'canRevert' | 'yieldToEventLoop'> {
  readonly store: StoreReader;
  readonly catalog: Catalog;
  readonly metrics: Metrics;
  readonly maxDownloads: number;
  /** Undefined where this server was given no key for permits. */
  readonly signer: PermitSigner | undefined;
  readonly people: People | undefined;
  readonly randomBytes: RandomBytes;
  readonly chance: () => number;
  readonly policy: Policy;
}

export function composeServer(outside: ServerOutside): Omit<Services, 'isStarted'> & Pick<Rollouts, 'settled'> {
  const { fleet, store, catalog, metrics, maxDownloads, signer, people, randomBytes, chance, clock, policy } = outside;
  const releases = () => catalog.state.releases;
  return {
    ...composeRollouts({ ...outside, releases, canRevert: signer !== undefined, yieldToEventLoop: () => pause() }),
    store,
    catalog,
    fleet,
    metrics,
    people,
    randomBytes,
    chance,
    clock,
    policy,
    downloads: new Downloads(maxDownloads, metrics),
    tokenUse: new TokenUse(),
    links: new LinkKeys(fleet, randomBytes),
    permits: signer && permitIssuer({ signer, clock, newId: () => permitId(randomBytes) }),
  };
}

function permitId(randomBytes: RandomBytes): string {
  return Buffer.from(randomBytes(18)).toString('base64url');
}
