/** Every command is given a context by main.ts: the device of a configuration, and where words go. */
import type { Output } from '../../system/command-line/output.ts';
import type { Adoption } from '../adoption/adoption.ts';
import type { Configuration } from '../configuration.ts';
import type { DeltaMeans } from '../delta/delta-means.ts';
import type { DaemonPoll } from '../device/daemon.ts';
import type { Device } from '../device/device.ts';
import type { BlobSource, DeltaFiles } from '../ports.ts';
import type { AppliedFile } from './apply.ts';
import type { DeviceReading } from './status.ts';

export interface OpenDevice extends AsyncDisposable {
  readonly device: Device;
  readonly configuration: Configuration;
  /** Lets the service go: `stop` where this process was its keeper. */
  releaseService(how: 'stop' | 'leave'): Promise<void>;
  notify(message: string): void;
  /** Remembers the daemon's last poll for `status`. */
  polled(poll: Pick<DaemonPoll, 'reason' | 'message' | 'waiting'> & { readonly nextPollAt?: Date }): void;
}

/** Who touches an adopted box: its actor, or this very process. */
export type Hands = 'actor' | 'own';

export interface OpenMeans {
  /** The server's unless said. */
  readonly blobs?: BlobSource;
  /** The actor's unless said. */
  readonly hands?: Hands;
}

export interface CommandContext {
  /** Takes the lock and opens everything. @throws SlipwayError `already-running`, `document-…` */
  open(configFile: string, command: string, means?: OpenMeans): OpenDevice;
  /** The same for a daemon, which waits for a disk that takes nothing, and tells the server. */
  openPatiently(configFile: string, command: string): Promise<OpenDevice>;
  /** Takes over what is installed here, and gives it back. @param configFile as given, for the unit at boot */
  adopt(opened: OpenDevice, configFile: string): Promise<Adoption>;
  unadopt(opened: OpenDevice, configFile: string): Promise<Adoption>;
  /** Touches the adopted box for the updater, until nobody has asked for a while. */
  act(configFile: string, recordFolder: string, signal: AbortSignal): Promise<void>;
  /** Reads beside the process that holds the lock. */
  read(configFile: string): Promise<DeviceReading>;
  /** Makes `out` from a file and a delta; `out` is whole or untouched. */
  applyToFile(files: DeltaFiles, out: string, means: DeltaMeans): Promise<AppliedFile>;
  /** Aborted by SIGTERM and SIGINT. */
  readonly signal: AbortSignal;
  readonly output: Output;
}

export interface CommonOptions {
  readonly config: string;
}

export const defaultConfigFile = '/etc/slipway/edge.yaml';

/** Failures in a row after which a command by hand gives up on work that the daemon would go on with. */
export const handPatience = 5;
