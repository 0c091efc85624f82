/**
 * A device core is what the work of one device shares: its world, its server, its trust and the machine that journals
 * every change.
 */
import type { DeviceId } from '../../contract/device-api/check.ts';
import type { World } from '../effects/world.ts';
import type { MetadataStore, Server } from '../ports.ts';
import type { OriginGuard } from '../trust/origin-guard.ts';
import type { AskingDevice } from '../update/check-request.ts';
import type { Examination } from './examination.ts';
import type { Machine } from './machine.ts';
import type { Outbox } from './outbox.ts';
import type { TimedMachine } from './timed-machine.ts';

export interface DeviceCore {
  readonly facts: AskingDevice & { readonly deviceId: DeviceId };
  readonly world: World;
  readonly server: Server;
  readonly metadata: MetadataStore;
  readonly machine: Machine;
  readonly timed: TimedMachine;
  readonly outbox: Outbox;
  readonly examination: Examination;
  /** Absent where this device requires nothing of that. */
  readonly origin?: OriginGuard | undefined;
}

/** How long to work for one thing. */
export interface Effort {
  readonly signal: AbortSignal;
  /** Failures in a row of work that has to end, before it is given up; undefined: never. */
  readonly patience?: number | undefined;
}

/** Who asks for a check: a person does not wait for what a daemon would wait for. */
export type Asker = 'daemon' | 'person';
