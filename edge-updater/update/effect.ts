/**
 * Lists the effects: what the machine may ask the world to do. Every effect is idempotent: it is done again after a
 * kill at any moment. At most one is asked for at a time, after the state that asks for it is durable.
 */
import type { InstalledRelease } from '../../contract/device-api/check.ts';
import type { Digest } from '../../contract/digest.ts';
import type { Attempt } from './state.ts';

export type Effect =
  /** Bring every blob of the cheapest plan to the disk. */
  | { readonly kind: 'fetch'; readonly attempt: Attempt; readonly installed: readonly InstalledRelease[] }
  /** Make the slot from blobs and installed components. */
  | { readonly kind: 'rebuild'; readonly attempt: Attempt; readonly installed: readonly InstalledRelease[] }
  /** Read the slot back. */
  | { readonly kind: 'verify'; readonly attempt: Attempt }
  /** Point `current` to the new slot and `previous` to the old one. */
  | { readonly kind: 'switch'; readonly attempt: Attempt; readonly previous?: InstalledRelease | undefined }
  /** Restart the service from `current`, probe it, soak. */
  | { readonly kind: 'prove'; readonly attempt: Attempt }
  /** Point `current` back (or remove it), with the data of an adopted box, and restart (or stop) the service. */
  | {
      readonly kind: 'restore';
      /** What is left; undefined where no attempt led to it. */
      readonly leaving?: InstalledRelease | undefined;
      readonly to?: InstalledRelease | undefined;
      readonly previous?: InstalledRelease | undefined;
    }
  /** End what was interrupted, start the release over the data that is there, and look whether it works. */
  | { readonly kind: 'revive'; readonly release: InstalledRelease }
  /** Delete slots besides `keep`, and downloads unless they are worth a resume. */
  | {
      readonly kind: 'prune';
      readonly keep: readonly Digest[];
      readonly keepDownloads: boolean;
      /** The way back that is open to an operator: its data is kept too. */
      readonly wayBack?: { readonly from: Digest; readonly to: Digest } | undefined;
    };

export type EffectKind = Effect['kind'];
