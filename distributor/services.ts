/** Lists what the routes work with; `serve` makes it once, tests make their own. */
import type { StoreReader } from '../system/store/reader.ts';
import type { Catalog } from './catalog/catalog.ts';
import type { LinkKeys } from './fleet/access/link-keys.ts';
import type { RandomBytes } from './fleet/access/token.ts';
import type { TokenUse } from './fleet/access/token-use.ts';
import type { DeviceDesk } from './fleet/device-desk.ts';
import type { Acceptance } from './fleet/identity/acceptance.ts';
import { GivenLabels } from './fleet/labels/given-labels.ts';
import type { FleetState } from './fleet/ports.ts';
import type { Freshness } from './freshness/freshness.ts';
import type { Downloads } from './http/downloads.ts';
import type { Metrics } from './http/metrics.ts';
import type { People } from './people/people.ts';
import type { Reconciler } from './reconcile/reconcile.ts';
import type { Campaigns } from './rollout/campaigns/campaigns.ts';
import type { PermitIssuer } from './rollout/deciding/permit.ts';

export interface Services {
  readonly store: StoreReader;
  readonly catalog: Catalog;
  readonly campaigns: Campaigns;
  readonly reconciler: Reconciler;
  readonly fleet: FleetState;
  readonly metrics: Metrics;
  readonly downloads: Downloads;
  /** Whether metadata is signed in time; absent where nobody looks. */
  readonly freshness?: Pick<Freshness, 'problem'>;
  readonly tokenUse: TokenUse;
  readonly links: LinkKeys;
  /** Undefined where no issuer vouches for people. */
  readonly people: People | undefined;
  /** Undefined where this server was given no key for permits: it sends no device back then. */
  readonly permits: PermitIssuer | undefined;
  /** Fit for keys. */
  readonly randomBytes: RandomBytes;
  /** In [0, 1), to spread a fleet over time: nothing is kept secret by it. */
  readonly chance: () => number;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly policy: Policy;
  /** Rollouts and store have been looked at since the start; before that nothing is decided. */
  readonly isStarted: () => boolean;
}

/** What an operator may choose. */
export interface Policy {
  /** Metadata, manifests and blobs only with a token. */
  readonly requireTokenForReads: boolean;
  /** Send clients to presigned URLs of the store instead of streaming blobs. */
  readonly redirectBlobs: boolean;
  /** Origin, with a path where it has one, of a cache in front that clients are sent to for blobs. */
  readonly blobOrigin: string | undefined;
  /** Location of nginx that holds the folder of the store; it sends blobs then. Ends with `/`. */
  readonly accelRedirect: string | undefined;
  /** How a device stands that enrols now. */
  readonly acceptance: Acceptance;
  /** How long a bearer lasts that a device with a key gets. */
  readonly bearerSeconds: number;
  readonly enrolmentsPerMinute: number;
  readonly checksPerMinute: number;
  /** Sent with every answer to a check; undefined leaves it to the device. */
  readonly pollAfterSeconds: number | undefined;
}

/** What serving devices needs of it. */
export function deskOf({ fleet, campaigns, reconciler, catalog, permits, metrics }: Services): DeviceDesk {
  return {
    fleet,
    campaigns,
    reconciler,
    releases: () => catalog.state.releases,
    givenLabels: new GivenLabels(),
    canRevert: permits !== undefined,
    fellBack: () => metrics.fellBack.inc(),
    identityShared: () => metrics.identityShared.inc(),
  };
}
