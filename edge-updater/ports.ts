/** Declares what the edge-updater needs from the world. Each port is small and says which failure it exists for. */

import type { CheckRequest, HeardAnswer, InstalledRelease } from '../contract/device-api/check.ts';
import type { Report, ReportsAnswer } from '../contract/device-api/report.ts';
import type { Digest } from '../contract/digest.ts';
import type { ErrorCode } from '../contract/errors.ts';
import type { Component, ReleaseManifest } from '../contract/release/manifest.ts';
import type { MetadataSet } from '../contract/trust/trusted-set.ts';
import type { ByteSource } from '../delta/byte-source.ts';
import type { LastWords } from './update/last-words.ts';
import type { DeviceState } from './update/state.ts';

/** Keeps the state across kills and power cuts. */
export interface JournalPort {
  /** Durable when it returns. @throws SlipwayError `disk-full`, `io-error` */
  append(state: DeviceState): void;
}

export interface TrustedMetadata {
  readonly documents: MetadataSet;
  /** Milliseconds since 1970: no time before it is believed any more. */
  readonly timeFloor: number;
}

/** Keeps the trusted TUF set; replaced as a whole, so that a kill cannot mix two states. */
export interface MetadataStore {
  /** The last whole set; the pinned root alone on a first start or when nothing whole is left. */
  load(): TrustedMetadata;
  /** Durable when it returns. */
  replace(trusted: TrustedMetadata): void;
}

/** What one blob's download has behind it. */
export interface PartProgress {
  /** Bytes that survive a power cut. */
  readonly offset: number;
  /** Strong validator of the bytes so far; undefined where the server gave none. */
  readonly etag: string | undefined;
  /** True when the file consists of more than one answer. */
  readonly isPieced: boolean;
  /** True once it was started over because the whole had another digest. */
  readonly isRestarted: boolean;
}

/** One blob that is being written. */
export interface PartialBlob {
  readonly progress: PartProgress;
  /** Bytes received, durable or not. */
  readonly received: number;
  write(chunk: Uint8Array): void;
  /** Makes everything received durable, then remembers how much that is. */
  sync(): void;
  /** Notes the validator of the answer whose bytes follow. */
  follow(etag: string | undefined): void;
  /** Counts bytes that came and are here already. */
  passOver(count: number): void;
  /** Forgets what came after `before`; what it cost stays counted. */
  rewind(before: PartProgress): void;
  /** Forgets all bytes, which have another digest than they should; what they cost stays counted. */
  restart(): void;
  /** SHA-256 of the durable bytes, read back from the disk. */
  digest(): Promise<Digest>;
  close(): void;
}

/** Blobs on their way; keeps what an attempt has moved, across kills. */
export interface DownloadStore {
  /** Starts or goes on with the account of an attempt. */
  begin(attemptId: string, keep: ReadonlySet<Digest>): void;
  /** Durable bytes of each blob. */
  durable(): ReadonlyMap<Digest, number>;
  readonly bytesOnWire: number;
  readonly resumedFrom: number;
  /** Notes that a download goes on from bytes that were durable before. */
  resumed(): void;
  /** @param via bytes of a bundle did not come over the network */
  openPart(digest: Digest, length: number, via: 'network' | 'bundle'): PartialBlob;
  /** A whole blob for reading. */
  read(digest: Digest): AsyncIterable<Uint8Array>;
  /** Path of a whole blob, for another process. */
  fileOf(digest: Digest): string;
  /** Path of a folder for what is made from a blob; it lasts as long as the blob is wanted. */
  scratchOf(digest: Digest): string;
  /** Frees those folders. */
  dropScratch(): void;
  putManifest(digest: Digest, bytes: Uint8Array): void;
  /** @throws SlipwayError `manifest-mismatched` when the bytes are gone or changed */
  manifest(digest: Digest): ReleaseManifest;
  clear(): void;
}

/** Releases on the disk, each under the digest of its manifest. */
export interface SlotStore {
  readonly currentLink: Digest | undefined;
  readonly previousLink: Digest | undefined;
  /** Whether no program can be started from here. */
  readonly isNoexec: boolean;
  /** Whole slots by the digest of their name; their files are not read. */
  slots(): ReadonlyMap<Digest, InstalledRelease>;
  manifest(slot: Digest): ReleaseManifest | undefined;
  has(slot: Digest): boolean;
  /** Starts a slot afresh, out of sight. */
  beginStaging(slot: Digest): void;
  /** Writes one file of it, hashing. @throws SlipwayError `digest-mismatch`, `length-mismatch`, `disk-full` */
  stage(slot: Digest, component: Component, content: AsyncIterable<Uint8Array>): Promise<void>;
  /**
   * Takes a file that is whole and durable for one of it without writing its bytes again: the two names share them.
   * Its digest is not looked at: `verify` does. @returns false where that cannot be done here, and nothing has changed
   * @throws SlipwayError `disk-full`
   */
  share(slot: Digest, component: Component, file: string): boolean;
  /** Makes all files and directories durable, then gives the slot its name; one that has it already is replaced. */
  seal(slot: Digest, manifest: Uint8Array): void;
  /** Whether a component is there with its length and mode; its bytes are not read. */
  isThere(slot: Digest, component: Component): boolean;
  /** Whether a component can be read and has its digest. */
  isIntact(slot: Digest, component: Component): Promise<boolean>;
  /** What is wrong with a slot, as far as that is seen without reading its files. */
  glance(slot: Digest): string | undefined;
  /** The same by reading every file. What the service wrote beside them does not count. */
  findDamage(slot: Digest): Promise<string | undefined>;
  /**
   * Reads every file back. @throws SlipwayError `digest-mismatch` when the slot is not exactly what the manifest says
   */
  verify(slot: Digest): Promise<void>;
  /** Frees what was made of a slot that has no name yet. */
  dropStaging(slot: Digest): void;
  discard(slot: Digest): void;
  /** Path of an installed component, for another process. */
  fileOf(slot: Digest, component: Component): string;
  /** Positioned reads of an installed component. */
  open(slot: Digest, component: Component): ByteSource & { close(): void };
  point(links: { readonly current: Digest | undefined; readonly previous: Digest | undefined }): void;
  /** Deletes all slots besides those named and those linked, and leftovers. */
  prune(keep: readonly Digest[]): void;
  /** Writes a few bytes there and takes them away again. @throws SlipwayError codes of the disk */
  tryWriting(): void;
}

/** Free space where a folder lies. */
export interface Room {
  /** The same for folders that share their free space. */
  readonly fileSystem: string;
  readonly freeBytes: number;
}

/** Folders of the state directory; each may be a mount of its own. */
export type StateFolder = 'slots' | 'downloads' | 'journal' | 'metadata';

/** Free space, seen before bytes are moved for nothing. @throws SlipwayError codes of the disk */
export interface DiskSpace {
  room(folder: StateFolder): Room;
}

export interface DeltaFiles {
  /** Paths. */
  readonly base: string;
  readonly delta: string;
  /** A folder for parts; what an interrupted run left there is used. */
  readonly scratch: string;
}

/** Applies deltas in a process of their own, with little priority and a bound on its memory. */
export interface DeltaApplier {
  /**
   * The target in order, as it is made. Worth nothing before the end, which is reached only by the right bytes.
   * A reader that stops ends the process.
   * @param maxMemoryBytes of the whole process
   * @throws SlipwayError codes of the delta; `disk-full`, `memory-exceeded`, `delta-process-failed`
   */
  apply(files: DeltaFiles, maxMemoryBytes: number, signal: AbortSignal): AsyncGenerator<Uint8Array, DeltaCost>;
}

/** What applying took, in the process that did it. */
export interface DeltaCost {
  readonly peakRssBytes: number;
  readonly seconds: number;
  readonly parts: number;
  /** Parts that an interrupted run had left. */
  readonly resumedParts: number;
}

export interface BlobAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: AsyncIterable<Uint8Array>;
  /** Lets the connection go; the body is not wanted. */
  discard(): void;
}

/** Where blobs come from. */
export interface BlobSource {
  /**
   * @param from bytes that are here already: asks for the rest, if the entity is still the one with `etag`
   * @throws SlipwayError `server-unreachable`, `download-stalled`
   */
  openBlob(
    digest: Digest,
    from: { readonly offset: number; readonly etag: string | undefined },
    signal: AbortSignal,
  ): Promise<BlobAnswer>;
}

/** Two clocks at one moment, milliseconds since 1970. */
export interface HeardTime {
  readonly server: number;
  readonly device: number;
}

/** The distributor, as far as a device is concerned. Answers are bounded and checked against the contract. */
export interface Server extends BlobSource {
  /** What time it was when the server answered last, by both; undefined where it has not told. */
  readonly heardTime: HeardTime | undefined;
  check(request: CheckRequest, signal: AbortSignal): Promise<HeardAnswer>;
  report(reports: readonly Report[], signal: AbortSignal): Promise<ReportsAnswer>;
  /** One metadata document; undefined where there is none (404, 403). */
  metadata(name: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined>;
  manifest(digest: Digest, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** A small document beside a release, as it comes; whoever asks knows its digest. */
  attachment(digest: Digest, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined>;
}

export interface ServiceCondition {
  readonly isActive: boolean;
  /** It was started and has not said yet that it is ready. */
  readonly isStarting?: boolean;
  /** How often it ended by itself since the last restart. */
  readonly crashes: number;
  readonly detail: string;
}

/** Starts and stops what the release contains. Never two at once. */
export interface ServiceManager {
  /**
   * Stops what runs and starts the release that `current` points to.
   * @throws SlipwayError `service-start-failed` where that is the release's fault, else a code of the machine
   */
  restart(): Promise<void>;
  /** Sees to it that the service of `current` runs, without disturbing one that does. */
  ensure(): Promise<void>;
  stop(): Promise<void>;
  condition(): Promise<ServiceCondition>;
  /** What it wrote last. Never throws. */
  lastWords(): Promise<LastWords>;
  /** Lets go of the service at the end of this process: `stop` ends what this process is the parent of. */
  release(how: 'stop' | 'leave'): Promise<void>;
}

export interface HealthResult {
  readonly isHealthy: boolean;
  /** It cannot be told here, and is not this device's fault: an agent without its server. */
  readonly isUndecided?: true;
  readonly detail: string;
  /** What a report says of a release that is kept; absent where a single probe said yes. */
  readonly evidence?: string;
}

/** Asks the service once. Never throws: what cannot be asked is not healthy. */
export interface HealthProbe {
  /** A service was started: what was seen of an earlier one does not count. */
  begin?(): void;
  probe(signal: AbortSignal): Promise<HealthResult>;
  /** Of a service that is starting: what it waits for that is elsewhere; undefined where it does not. Never throws. */
  waitsFor?(signal: AbortSignal): Promise<string | undefined>;
}

export interface Clock {
  /** Milliseconds since 1970; may jump. */
  now(): number;
  /** Seconds that only grow. */
  monotonicSeconds(): number;
  /** @throws when the signal is aborted */
  sleep(seconds: number, signal: AbortSignal): Promise<void>;
  /** In [0, 1). */
  random(): number;
  newId(): string;
}

/** Lets long work tell the server that this device is there. */
export interface Heartbeat {
  readonly secondsUntilDue: number;
  /** Tells it in the background if that is due. Never throws. */
  beat(signal: AbortSignal): void;
}

/** Tells people and the service manager of this machine what goes on. */
export interface Narrator {
  /** One line of the state: phase, and why. */
  state(phase: string, detail: string): void;
  warn(code: ErrorCode, message: string): void;
  progress(done: number, total: number, what: string): void;
}
