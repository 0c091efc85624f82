/**
 * A device on real files: the real journal, slots, downloads and trusted set in a temporary folder, with a server, a
 * service and a clock that tests hold in hand. It can be stopped at any call and started again on the same files.
 */
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import type { CheckAnswer, CheckRequest, SwitchWindow } from '../../contract/device-api/check.ts';
import type { Report } from '../../contract/device-api/report.ts';
import { type Digest, sha256 } from '../../contract/digest.ts';
import { SlipwayError } from '../../contract/errors.ts';
import { type Component, encodeManifest, type ReleaseManifest, targetPath } from '../../contract/release/manifest.ts';
import { deltaProcess } from '../../edge-updater/adapters/delta/delta-process.ts';
import { StateDiskSpace } from '../../edge-updater/adapters/disk/disk-space.ts';
import { DownloadDirectory } from '../../edge-updater/adapters/disk/download-directory.ts';
import { JournalFile, readJournal } from '../../edge-updater/adapters/disk/journal-file.ts';
import { MetadataDirectory } from '../../edge-updater/adapters/disk/metadata-directory.ts';
import { SlotDirectory } from '../../edge-updater/adapters/disk/slot-directory.ts';
import type { BoxData } from '../../edge-updater/adoption/box-data.ts';
import type { ClusterDatastore } from '../../edge-updater/adoption/cluster-datastore.ts';
import type { Payloads } from '../../edge-updater/adoption/payloads.ts';
import type { BoxReader } from '../../edge-updater/box/box-machine.ts';
import { Device } from '../../edge-updater/device/device.ts';
import type { Preflight } from '../../edge-updater/effects/require-fit-box.ts';
import type { UpdatePolicy } from '../../edge-updater/effects/world.ts';
import type {
  BlobSource,
  DeltaApplier,
  DownloadStore,
  HealthResult,
  HeardTime,
  Narrator,
  Server,
  ServiceManager,
} from '../../edge-updater/ports.ts';
import type { OriginGuard } from '../../edge-updater/trust/origin-guard.ts';
import { Interruption } from './interruption.ts';
import { product, SignedRepository } from './signed-repository.ts';
import { VirtualClock } from './virtual-clock.ts';

export const never = new AbortController().signal;

/** A service that runs whatever `current` named when it was started. */
export class FakeService implements ServiceManager {
  running: Digest | undefined;
  starts = 0;
  /** Of its log. */
  lastLine: string | undefined;
  /** Slots whose service starts and never answers well. */
  readonly sick = new Set<Digest>();
  /** Slots whose service cannot be started. */
  readonly dead = new Set<Digest>();
  readonly #current: () => Digest | undefined;

  constructor(current: () => Digest | undefined) {
    this.#current = current;
  }

  async restart(): Promise<void> {
    this.running = undefined;
    const slot = this.#current();
    if (slot === undefined || this.dead.has(slot)) throw new SlipwayError('service-start-failed', 'does not start');
    this.running = slot;
    this.starts++;
  }

  async ensure(): Promise<void> {
    if (this.running === undefined || this.running !== this.#current()) await this.restart();
  }

  async stop(): Promise<void> {
    this.running = undefined;
  }

  async condition() {
    return { isActive: this.running !== undefined, crashes: 0, detail: 'not running' };
  }

  async lastWords() {
    return { line: this.lastLine, where: 'the log of the test' };
  }

  async release(): Promise<void> {}

  async probe(): Promise<HealthResult> {
    const isHealthy = this.running !== undefined && !this.sick.has(this.running);
    return { isHealthy, detail: isHealthy ? 'well' : 'not well' };
  }
}

/** A distributor in memory over a signed repository; keeps the reports it was sent. */
export class FakeServer implements Server {
  readonly repository: SignedRepository;
  readonly blobs = new Map<Digest, Uint8Array>();
  readonly manifests = new Map<Digest, Uint8Array>();
  readonly reports = new Map<number, Report>();
  readonly checks: CheckRequest[] = [];
  readonly attachmentsAsked: Digest[] = [];
  readonly blobsAsked: Digest[] = [];
  offered: ReleaseManifest | undefined;
  /** Of each offer from now on. */
  switchWindow: SwitchWindow | undefined;
  /** Offers again what failed on the device. */
  isRetry = false;
  /** Answers with it instead of deciding. */
  answer: CheckAnswer | undefined;
  isDown = false;
  heardTime: HeardTime | undefined;

  constructor(repository: SignedRepository) {
    this.repository = repository;
  }

  async check(request: CheckRequest): Promise<CheckAnswer> {
    this.#requireUp();
    this.checks.push(request);
    const { offered, answer, switchWindow, isRetry } = this;
    if (answer) return answer;
    if (!offered || request.current?.version === offered.version) return { decision: 'none', reason: 'up-to-date' };
    const { version, counter } = offered;
    if (request.rejected.includes(encodeManifest(offered).sha256) && !isRetry) {
      return { decision: 'none', reason: 'release-failed-here' };
    }
    const offer = {
      ...{ rollout: 'test', wave: 'all', targetPath: targetPath(offered), version, counter },
      ...(switchWindow ? { switchWindow } : {}),
      ...(isRetry ? { retry: true as const } : {}),
    };
    return { decision: 'update', reason: 'rollout-open', offer };
  }

  async report(reports: readonly Report[]) {
    this.#requireUp();
    for (const report of reports) this.reports.set(report.sequence, report);
    return { acknowledgedThrough: Math.max(...this.reports.keys()) };
  }

  async metadata(name: string): Promise<Uint8Array | undefined> {
    this.#requireUp();
    return this.repository.files.get(name);
  }

  async manifest(digest: Digest): Promise<Uint8Array | undefined> {
    this.#requireUp();
    return this.manifests.get(digest);
  }

  async attachment(digest: Digest): Promise<Uint8Array | undefined> {
    this.#requireUp();
    this.attachmentsAsked.push(digest);
    return this.blobs.get(digest);
  }

  openBlob: BlobSource['openBlob'] = async (digest, { offset, etag }) => {
    this.#requireUp();
    this.blobsAsked.push(digest);
    const bytes = this.blobs.get(digest);
    const current = `"${digest}"`;
    const isPart = offset > 0 && etag === current;
    const body = bytes?.subarray(isPart ? offset : 0) ?? new Uint8Array();
    return {
      status: bytes ? (isPart ? 206 : 200) : 404,
      headers: {
        etag: current,
        'content-length': String(body.length),
        ...(isPart && bytes ? { 'content-range': `bytes ${offset}-${bytes.length - 1}/${bytes.length}` } : {}),
      },
      body: inPieces(body),
      discard: () => undefined,
    };
  };

  #requireUp(): void {
    if (this.isDown) throw new SlipwayError('server-unreachable', 'the test took the server down');
  }
}

async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}

export interface FileOfRelease {
  readonly path: string;
  readonly bytes: Uint8Array;
}

export const quickPolicy: UpdatePolicy = {
  download: {
    ...{ backoff: { baseSeconds: 1, capSeconds: 10 }, maxAttemptsWithoutProgress: 4, durableStepBytes: 1500 },
    leastRate: { bytesPerSecond: 1024, windowSeconds: 120 },
  },
  maxBytesPerUpdate: undefined,
  allowFullAfterDeltaFailure: true,
  delta: {
    allowReencode: true,
    maxMemoryBytes: 256 * 1024 * 1024,
    maxReencodeSeconds: 600,
    reencodeBytesPerSecond: 1024 * 1024,
    zstdVersions: [process.versions.zstd ?? ''],
  },
  health: { timeoutSeconds: 60, successes: 2, soakSeconds: 30 },
  healthIntervalSeconds: 10,
  pollSeconds: 900,
  verifyIntervalSeconds: 24 * 3600,
};

const callsOfData = [
  ...(['hold', 'letGo', 'claim', 'snapshot', 'putBack', 'bringBack', 'finishExchange', 'prune'] as const),
] as const;

/** In memory where there is such a place: these tests start hundreds of devices, and cut no power. */
const fastFolder = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export class EdgeDevice {
  readonly deviceId = 'wt-1';
  readonly labels: Record<string, string> = {};
  readonly folder: string;
  readonly clock = new VirtualClock(Date.parse('2026-12-01T00:00:00Z'));
  readonly repository = new SignedRepository(new Date(this.clock.now()));
  readonly server = new FakeServer(this.repository);
  readonly service = new FakeService(() => this.slots.currentLink);
  /** `phase: detail` lines. */
  readonly told: string[] = [];
  readonly #journals: JournalFile[] = [];

  /** @param folder of one that another process has made */
  constructor(folder = mkdtempSync(path.join(fastFolder, 'edge-device-'))) {
    this.folder = folder;
    if (!existsSync(this.rootFile)) writeFileSync(this.rootFile, this.repository.root.bytes);
  }

  get stateDirectory(): string {
    return path.join(this.folder, 'state');
  }

  get rootFile(): string {
    return path.join(this.folder, '1.root.json');
  }

  /** A fresh look at the slots. */
  get slots(): SlotDirectory {
    return new SlotDirectory(this.stateDirectory);
  }

  /** Signs and serves a release; the last file is stored compressed. */
  publish(
    version: string,
    counter: number,
    files: readonly FileOfRelease[],
    change?: (c: Component) => Component,
    stated: Partial<ReleaseManifest> = {},
  ) {
    const components = files.map(({ path: installPath, bytes }, index): Component => {
      const isPacked = index === files.length - 1;
      const stored = isPacked ? zstdCompressSync(bytes) : bytes;
      const blob = { encoding: isPacked ? 'zstd' : 'identity', length: stored.length, sha256: sha256(stored) } as const;
      this.server.blobs.set(blob.sha256, stored);
      const component: Component = {
        ...{ name: `part-${index}`, kind: 'file', installPath, mode: '0644', blobs: [blob], deltas: [] },
        ...{ length: bytes.length, sha256: sha256(bytes) },
      };
      return change?.(component) ?? component;
    });
    const manifest: ReleaseManifest = {
      ...{ schemaVersion: 1, product, platform: 'linux/amd64', version, counter, floors: [], components },
      ...stated,
    };
    const { bytes, sha256: digest } = encodeManifest(manifest);
    this.server.manifests.set(digest, bytes);
    this.repository.publish(new Date(this.clock.now()), manifest);
    return { manifest, digest };
  }

  /** Starts on what is on the disk, as a new process would. */
  start({
    interruption = new Interruption(0, 'fails'),
    policy = quickPolicy,
    blobs,
    deltas = deltaProcess({ zstdPrograms: [], maxEncoderThreads: 1 }),
    box,
    service = this.service,
    data,
    cluster,
    preflight,
    payloads,
    whyNotOurs,
    asked = this.server,
    origin,
  }: {
    interruption?: Interruption;
    policy?: UpdatePolicy;
    blobs?: BlobSource;
    deltas?: DeltaApplier;
    box?: BoxReader;
    service?: FakeService;
    /** Of an adopted box. */
    data?: BoxData;
    cluster?: ClusterDatastore;
    preflight?: Preflight;
    payloads?: Payloads;
    whyNotOurs?: () => string | undefined;
    /** Another server than the one in memory. */
    asked?: Server;
    origin?: OriginGuard;
  } = {}): Device {
    const content = readJournal(this.stateDirectory);
    const slots = interruption.watch('slots', this.slots, [
      ...(['beginStaging', 'stage', 'share', 'seal', 'verify', 'discard', 'point', 'prune'] as const),
    ]);
    const narrator: Narrator = {
      state: (phase, detail) => this.told.push(`${phase}: ${detail}`),
      warn: (code, message) => this.told.push(`warning ${code}: ${message}`),
      progress: () => undefined,
    };
    const metadata = new MetadataDirectory(this.stateDirectory, this.rootFile, 0);
    const server = interruption.watch('server', asked, ['check', 'metadata', 'manifest', 'openBlob', 'report']);
    return new Device({
      facts: {
        deviceId: this.deviceId,
        product,
        platform: 'linux/amd64',
        labels: this.labels,
        updaterVersion: '0.2.0',
      },
      server,
      origin,
      metadata: interruption.watch('metadata', metadata, ['replace']),
      journal: interruption.watch('journal', this.#openJournal(), ['append']),
      found: content.kind === 'state' ? content.state : content.kind,
      world: {
        downloads: this.#watchDownloads(interruption),
        slots,
        disk: new StateDiskSpace(this.stateDirectory),
        blobs: blobs ?? server,
        deltas,
        service: interruption.watch('service', service, ['restart', 'ensure', 'stop']),
        health: interruption.watch('health', service, ['probe']),
        clock: this.clock,
        narrator,
        box,
        cluster,
        preflight,
        whyNotOurs,
        payloads: payloads && interruption.watch('payloads', payloads, ['unpack', 'link', 'settle', 'prune']),
        data: data && interruption.watch('data', data, [...callsOfData]),
        bootId: data && 'boot-of-the-test',
        policy,
      },
    });
  }

  #watchDownloads(interruption: Interruption): DownloadStore {
    const real = new DownloadDirectory(this.stateDirectory);
    const openPart = real.openPart.bind(real);
    real.openPart = (...args) =>
      interruption.watch('part', openPart(...args), ['write', 'sync', 'follow', 'rewind', 'restart', 'digest']);
    return interruption.watch('downloads', real, ['begin', 'resumed', 'openPart', 'putManifest', 'clear']);
  }

  /** Keeps the disk and the service as they are now; the function brings them back. */
  capture(): () => void {
    const kept = path.join(mkdtempSync(path.join(this.folder, 'kept-')), 'state');
    if (existsSync(this.stateDirectory)) cpSync(this.stateDirectory, kept, { recursive: true, verbatimSymlinks: true });
    const { running } = this.service;
    return () => {
      rmSync(this.stateDirectory, { recursive: true, force: true });
      if (existsSync(kept)) cpSync(kept, this.stateDirectory, { recursive: true, verbatimSymlinks: true });
      this.service.running = running;
    };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #openJournal(): JournalFile {
    const journal = new JournalFile(this.stateDirectory);
    this.#journals.push(journal);
    return journal;
  }

  /** Gives back what the end of its processes would; no device that was started before may go on. */
  endProcesses(): void {
    for (const journal of this.#journals.splice(0)) journal.close();
  }

  [Symbol.dispose](): void {
    this.remove();
  }
}

/** Bytes that differ for each seed and do not compress to nothing. */
export function bytesOf(seed: string, length: number): Uint8Array {
  const bytes = Buffer.alloc(length);
  let at = 0;
  for (let round = 0; at < length; round++) at += bytes.write(sha256(Buffer.from(`${seed}${round}`)), at, 'latin1');
  return bytes;
}
