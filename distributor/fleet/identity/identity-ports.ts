/**
 * Declares what the distributor keeps of who a device is: what its token gave it, its key, its standing and the machines that
 * it was seen on.
 */
import type { DeviceId, Labels } from '../../../contract/device-api/check.ts';
import type { AuditEvent } from '../../events/ports.ts';
import type { LinkKey } from '../access/signed-link.ts';
import type { TokenRecord } from '../ports.ts';
import type { MachineWatch } from './machine-watch.ts';

/** What a device gets from the token that lets it in, whatever it says of itself. */
export interface EnrolmentBounds {
  /** They win over the device's own. */
  readonly labels: Labels;
  /** Empty: any product. */
  readonly products: readonly string[];
  /** Groups of the plan that its labels put devices into, as it was when the token was made. */
  readonly groups: readonly string[];
}

/** Of these only an accepted device gets anything. */
export type DeviceStatus = 'pending' | 'accepted' | 'rejected' | 'revoked';

/** A request that was verified already; see fleet/sign-in.ts. */
export interface SignIn {
  readonly deviceId: DeviceId;
  /** As the signature was verified by. */
  readonly publicKey: string;
  readonly nonce: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly bearer: TokenRecord;
  readonly at: number;
}

/** `not-accepted`: its key or its status is another one by now. */
export type SignInOutcome = 'signed-in' | 'replayed' | 'too-many' | 'not-accepted';

/** `known`: this very key is registered. */
export type KeyOutcome = 'registered' | 'known' | 'another-key' | 'unknown';

/** `refused`: no such step leads out of the status that it has. */
export type StatusOutcome = 'done' | 'same' | 'refused' | 'unknown';

export interface LinkStore {
  /**
   * Keys of links, the newest first. Where the newest is older than `lifeMs`, `fresh` is kept, too; what is older than twice
   * that is gone. One step: replicas that ask at once have the same keys.
   */
  linkKeys(fresh: LinkKey, lifeMs: number): Promise<LinkKey[]>;
}

/** Every method is atomic, as those of DeviceStore are. */
export interface IdentityStore {
  /** Registers the key of a device that has none. @param event of a key that was not there before */
  registerKey(id: DeviceId, publicKey: string, event?: AuditEvent): Promise<KeyOutcome>;
  /** Notes the nonce and keeps the bearer; tokens of the device without an end, and ended ones, are gone. */
  signIn(signedIn: SignIn): Promise<SignInOutcome>;
  /**
   * Accepts a device that is pending or rejected, or rejects one that is pending; `same`: it is so already.
   * It is counted among the devices from `at` on, so that waves that are open already treat it as one that came late.
   * @param event where that changes something
   */
  decideDevice(id: DeviceId, status: 'accepted' | 'rejected', at: number, event?: AuditEvent): Promise<StatusOutcome>;
  /** Keeps what a check that is refused has shown; false when unknown. */
  keepWatch(id: DeviceId, watch: MachineWatch, event?: AuditEvent): Promise<boolean>;
  /** Gives a device these labels instead of those that were given to it; false when unknown. */
  giveLabels(id: DeviceId, labels: Labels, event?: AuditEvent): Promise<boolean>;
}
