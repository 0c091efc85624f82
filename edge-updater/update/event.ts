/** Lists everything that can happen to a device's update. Times come with the events: nothing pure reads a clock. */
import type { InstalledRelease } from '../../contract/device-api/check.ts';
import type { Transfer } from '../../contract/device-api/report.ts';
import type { Digest } from '../../contract/digest.ts';
import type { ErrorCode } from '../../contract/errors.ts';
import type { Version } from '../../contract/release/version.ts';
import type { UpdateSource } from './state.ts';

export type UpdateEvent =
  /** A verified release was accepted; its manifest is on the disk. */
  | {
      readonly kind: 'accepted';
      readonly attemptId: string;
      readonly release: InstalledRelease;
      readonly source: UpdateSource;
      /** The switch is bound to windows that the server names. */
      readonly isTimed?: true;
      /** No device goes back from it by itself. */
      readonly isFinal?: true;
      /** The server wants it tried although it failed here. */
      readonly isRetry?: true;
    }
  /** A release was offered that this device must not install; nothing was changed. */
  | {
      readonly kind: 'refused';
      readonly attemptId: string;
      readonly rollout: string;
      readonly version: Version;
      readonly code: ErrorCode;
      readonly message: string;
    }
  /** All blobs of the plan are here, whole and verified. */
  | {
      readonly kind: 'fetched';
      readonly transfer: Transfer;
      /** What the report should say of the way that was chosen. */
      readonly notes: readonly string[];
    }
  /** Every component is in the slot, durable. */
  | { readonly kind: 'rebuilt' }
  /** A delta or an installed file did not give its component; `fullAllowed` is the policy. */
  | {
      readonly kind: 'source-failed';
      readonly source: Digest;
      /** `the delta for k3s`, `the installed k3s` */
      readonly what: string;
      readonly code: ErrorCode;
      readonly message: string;
      readonly fullAllowed: boolean;
    }
  /** The slot was read back and every digest agrees. `notes`: what was done besides, for the report. */
  | { readonly kind: 'verified'; readonly notes?: readonly string[] }
  /** A window is open for an update that waits: its slot is read back once more. */
  | { readonly kind: 'window-opened' }
  /** The slot was read back and the window is open still. */
  | { readonly kind: 'switch-allowed' }
  /** The update that waits is not wanted any more. */
  | { readonly kind: 'wait-ended'; readonly message: string }
  /** The slot does not hold what the manifest says. */
  | { readonly kind: 'slot-damaged'; readonly message: string }
  | { readonly kind: 'switched' }
  /** `evidence`: what the last look saw, for the report. */
  | { readonly kind: 'healthy'; readonly evidence?: string }
  | { readonly kind: 'unhealthy'; readonly code: ErrorCode; readonly message: string }
  /** The links are back; `confirmed` says whether the old release answers its health check again. */
  | {
      readonly kind: 'restored';
      readonly confirmed: boolean;
      /** What became of the data of an adopted box. */
      readonly note?: string;
      /** The data is not one that the release gone back to can live with. */
      readonly isStranded?: true;
      /** The data of the release that was left lies aside. */
      readonly isSetAside?: true;
    }
  /** A restart found data that is half exchanged and cannot be made whole. */
  | { readonly kind: 'stranded-found'; readonly attemptId: string; readonly message: string }
  /** A device that is stranded may try to start over. */
  | { readonly kind: 'revival-due' }
  /** `trouble`: why it does not work yet. */
  | { readonly kind: 'revived'; readonly trouble?: string }
  | { readonly kind: 'pruned' }
  /** An effect could not do its work. */
  | {
      readonly kind: 'failed';
      readonly code: ErrorCode;
      readonly message: string;
      readonly transfer?: Transfer;
    }
  | { readonly kind: 'rollback-requested'; readonly attemptId: string }
  /** The last rollback is to be undone; the slot that it left is whole, and its data lies aside. */
  | { readonly kind: 'undo-requested'; readonly attemptId: string }
  /** A permit that holds for this device and the release it runs. */
  | {
      readonly kind: 'permit-accepted';
      readonly attemptId: string;
      readonly permitId: string;
      readonly rollout: string;
    }
  /** A permit came that does not hold, or there is nothing to go back to; nothing was changed. */
  | {
      readonly kind: 'permit-refused';
      readonly attemptId: string;
      readonly rollout: string;
      readonly code: ErrorCode;
      readonly message: string;
    }
  /** Files of the running release are not what its manifest says; the manifest is on the disk. */
  | { readonly kind: 'damage-found'; readonly attemptId: string; readonly message: string }
  /** They could not be made anew, and the previous release is whole. */
  | { readonly kind: 'damage-remains'; readonly attemptId: string; readonly message: string }
  /** What was installed before the updater came is a slot now, and `current` points to it. */
  | { readonly kind: 'adopted'; readonly release: InstalledRelease }
  /** The operator wants a rejected release tried again. */
  | { readonly kind: 'rejections-forgotten' }
  | { readonly kind: 'reports-acknowledged'; readonly through: number };

/** What a decision takes from the world besides what happened. */
export interface Moment {
  /** The device's own clock, RFC 3339. */
  readonly at: string;
  /** Between two polls, as configured. */
  readonly pollSeconds: number;
}

export interface Occurrence extends Moment {
  readonly event: UpdateEvent;
}
