/**
 * Opens the device of a configuration and chooses its adapters. It is the only file that knows them all, beside
 * apply-main.ts, which has one command.
 */
import type { DeltaPolicy } from '../../contract/device-api/check.ts';
import { SlipwayError, toSlipwayError } from '../../contract/errors.ts';
import { zstdEncoderOf } from '../../delta/recipe/zstd-programs.ts';
import { isDiskCode } from '../../system/files/disk-codes.ts';
import { readAdoption } from '../adapters/box/adoption-file.ts';
import { readSafeguards } from '../adapters/box/safeguards.ts';
import { deltaProcess } from '../adapters/delta/delta-process.ts';
import { readConfiguration } from '../adapters/disk/configuration-file.ts';
import { StateDiskSpace } from '../adapters/disk/disk-space.ts';
import { DownloadDirectory } from '../adapters/disk/download-directory.ts';
import { InstanceLock } from '../adapters/disk/instance-lock.ts';
import { JournalFile, readJournal } from '../adapters/disk/journal-file.ts';
import { machineFacts } from '../adapters/disk/machine-facts.ts';
import { MetadataDirectory } from '../adapters/disk/metadata-directory.ts';
import { readProvenanceKeys } from '../adapters/disk/provenance-keys.ts';
import { SlotDirectory } from '../adapters/disk/slot-directory.ts';
import { writeStatus } from '../adapters/disk/status-file.ts';
import { type DeviceKey, keyInFile, keyOfCommand } from '../adapters/network/device-key.ts';
import { DeviceToken } from '../adapters/network/device-token.ts';
import { HttpServer } from '../adapters/network/http-server.ts';
import { ExecService } from '../adapters/service/exec-service.ts';
import { SystemdService } from '../adapters/service/systemd-service.ts';
import { systemClock } from '../adapters/system-clock.ts';
import type { Terminal } from '../adapters/terminal.ts';
import type { Adoption } from '../adoption/adoption.ts';
import type { OpenDevice, OpenMeans } from '../commands/command-context.ts';
import { type Configuration, proxiesOf } from '../configuration.ts';
import { Device } from '../device/device.ts';
import type { DeviceCore } from '../device/device-core.ts';
import type { LeastRate } from '../download/least-rate.ts';
import type { ServiceManager } from '../ports.ts';
import { OriginGuard } from '../trust/origin-guard.ts';
import { proveServer } from '../trust/prove-server.ts';
import { checkRequestOf } from '../update/check-request.ts';
import { blankState } from '../update/state.ts';
import type { WaitForWindow } from '../update/switch-window.ts';
import { troublesOf } from '../update/troubles.ts';
import { earliestTime, updaterVersion } from '../updater-version.ts';
import { openBox } from './open-box.ts';
import { healthOf } from './open-health.ts';

export class DeviceOpener {
  readonly #terminal: Terminal;
  readonly #signal: AbortSignal;

  /** @param signal aborted when the process was told to stop */
  constructor(terminal: Terminal, signal: AbortSignal) {
    this.#terminal = terminal;
    this.#signal = signal;
  }

  /** Takes the lock and opens everything. @throws SlipwayError `already-running`, `document-…` */
  open(configFile: string, command: string, means: OpenMeans = {}): OpenDevice {
    const configuration = readConfiguration(configFile);
    const lock = new InstanceLock(configuration.stateDir, command);
    try {
      return this.#openLocked(configuration, lock, means);
    } catch (thrown) {
      lock.release();
      throw thrown;
    }
  }

  /** A disk that takes nothing lets no daemon open its state; the server still hears why, once a poll. */
  async openPatiently(configFile: string, command: string): Promise<OpenDevice> {
    for (;;) {
      try {
        return this.open(configFile, command);
      } catch (thrown) {
        const error = toSlipwayError(thrown);
        if (!isDiskCode(error.code)) throw thrown;
        this.#terminal.warn(error.code, error.message);
        this.#terminal.notify('READY=1');
        const configuration = readConfiguration(configFile);
        await tellOf(error, configuration, this.#signal).catch((untold) => {
          const { code, message } = toSlipwayError(untold);
          this.#terminal.warn(code, message);
        });
        await systemClock.sleep(configuration.poll.intervalSeconds, this.#signal);
      }
    }
  }

  #openLocked(configuration: Configuration, lock: InstanceLock, { blobs, hands = 'actor' }: OpenMeans): OpenDevice {
    const { stateDir, download, delta, health } = configuration;
    const content = readJournal(stateDir);
    const slots = new SlotDirectory(stateDir);
    const service = serviceOf(configuration, slots, this.#terminal);
    const server = serverOf(configuration, this.#signal);
    const journal = new JournalFile(stateDir);
    const adoption = readAdoption(stateDir);
    if (adoption) requireItsUnit(adoption, configuration);
    const box = openBox(configuration, adoption, hands);
    const device = new Device({
      facts: factsOf(configuration),
      server,
      metadata: metadataOf(configuration),
      origin: originGuardOf(configuration),
      journal,
      found: content.kind === 'state' ? content.state : content.kind,
      world: {
        downloads: new DownloadDirectory(stateDir),
        slots,
        disk: new StateDiskSpace(stateDir),
        blobs: blobs ?? server,
        deltas: deltaProcess(delta),
        service,
        ...box.ofWorld,
        health: healthOf(configuration, slots, box.health),
        clock: systemClock,
        narrator: this.#terminal,
        policy: {
          download: {
            backoff: { baseSeconds: download.retryBaseSeconds, capSeconds: download.retryCapSeconds },
            maxAttemptsWithoutProgress: download.maxAttemptsWithoutProgress,
            durableStepBytes: download.durableStepKiB * 1024,
            leastRate: leastRateOf(configuration),
          },
          maxBytesPerUpdate: download.maxBytesPerUpdate,
          allowFullAfterDeltaFailure: download.allowFullAfterDeltaFailure,
          delta: deltaPolicyOf(configuration),
          health,
          healthIntervalSeconds: health.intervalSeconds,
          verifyIntervalSeconds: configuration.verifyIntervalHours * 3600,
          pollSeconds: configuration.poll.intervalSeconds,
          ignoredObjections: configuration.preflight.ignore,
        },
      },
    });
    return {
      device,
      configuration,
      releaseService: (how) => service.release(how),
      notify: (message) => this.#terminal.notify(message),
      polled({ reason, message, nextPollAt, waiting }) {
        const lastCheck = { at: new Date().toISOString(), reason, message };
        const window = waiting && windowOf(waiting, Date.now());
        writeStatus(stateDir, {
          lastCheck,
          ...(nextPollAt ? { nextPollAt: nextPollAt.toISOString() } : {}),
          window,
        });
      },
      async [Symbol.asyncDispose]() {
        await server.close();
        journal.close();
        lock.release();
      },
    };
  }
}

/** What was adopted is what the updater stops and starts. @throws SlipwayError `box-contradicted` */
function requireItsUnit({ unit }: Adoption, { service }: Configuration): void {
  if (service.manager === 'systemd' && service.unit === unit) return;
  throw new SlipwayError('box-contradicted', `${unit} is adopted here, but the service of edge.yaml is another`, {
    hint: `Write service: {manager: systemd, unit: ${unit}} in edge.yaml, or run slipway-edge unadopt first.`,
  });
}

/** One check that writes nothing, and whose answer is not followed. */
async function tellOf(
  { code, message }: SlipwayError,
  configuration: Configuration,
  signal: AbortSignal,
): Promise<void> {
  const content = readJournal(configuration.stateDir);
  const state = content.kind === 'state' ? content.state : blankState;
  const troubles = troublesOf([{ code, message }], [], new Date().toISOString());
  const server = serverOf(configuration, signal);
  try {
    const request = checkRequestOf(state, factsOf(configuration), deltaPolicyOf(configuration), troubles);
    await server.check(request, signal);
  } finally {
    await server.close();
  }
}

function factsOf({ stateDir, deviceId, product, platform, labels }: Configuration): DeviceCore['facts'] {
  const [machine, safeguards] = [machineFacts(), readSafeguards(stateDir)];
  return { deviceId, product, platform, labels, updaterVersion, machine, safeguards };
}

function deltaPolicyOf({ delta }: Configuration): DeltaPolicy {
  return {
    allowReencode: delta.allowReencode,
    maxMemoryBytes: delta.maxMemoryMiB * 1024 * 1024,
    maxReencodeSeconds: delta.maxReencodeMinutes * 60,
    reencodeBytesPerSecond: delta.reencodeKiBPerSecond * 1024,
    zstdVersions: [...zstdEncoderOf(delta.zstdPrograms).versions],
  };
}

/** Keys are read once: a device that was started goes by what it was told then. */
function originGuardOf({ require: required }: Configuration): OriginGuard | undefined {
  const { sbom, upstream, provenance } = required;
  if (!sbom && !upstream && provenance.length === 0) return undefined;
  return new OriginGuard({ sbom, upstream, provenance: readProvenanceKeys(provenance) });
}

function metadataOf({ stateDir, trustedRoot }: Configuration): MetadataDirectory {
  return new MetadataDirectory(stateDir, trustedRoot, earliestTime);
}

function leastRateOf({ download }: Configuration): LeastRate {
  return { bytesPerSecond: download.minBytesPerSecond, windowSeconds: download.rateWindowSeconds };
}

function serverOf(configuration: Configuration, stop: AbortSignal): HttpServer {
  const { stateDir, deviceId, product, platform, labels, server, caFile, developmentAllowHttp } = configuration;
  const token = new DeviceToken({
    stateDirectory: stateDir,
    enrolmentTokenFile: configuration.enrolment?.tokenFile,
    request: { deviceId, product, platform, labels },
    key: keyOpener(configuration),
    prove: (metadata) => proveServer(product, metadata, metadataOf(configuration), Date.now()),
  });
  return new HttpServer({
    stop,
    server,
    deviceId,
    caFile,
    developmentAllowHttp,
    userAgent: `slipway-edge/${updaterVersion}`,
    stallSeconds: configuration.download.stallSeconds,
    leastRate: leastRateOf(configuration),
    proxies: proxiesOf(configuration, process.env),
    environment: process.env,
    token: (enrolment, refused) => token.get(enrolment, refused),
  });
}

/** Once: a signer is asked for its public key at the first request alone. */
function keyOpener({ identity, stateDir }: Configuration): () => Promise<DeviceKey> {
  let opened: DeviceKey | undefined;
  return async () => {
    opened ??= identity === undefined ? keyInFile(stateDir) : await keyOfCommand(identity.signer);
    return opened;
  };
}

/** A window on the wall clock, for people. */
function windowOf({ opensInSeconds, closesInSeconds }: WaitForWindow, now: number) {
  if (opensInSeconds === undefined || closesInSeconds === undefined) return undefined;
  const at = (seconds: number) => new Date(now + seconds * 1000).toISOString();
  return { opensAt: at(opensInSeconds), closesAt: at(closesInSeconds) };
}

function serviceOf(configuration: Configuration, slots: SlotDirectory, terminal: Terminal): ServiceManager {
  const { service, stateDir } = configuration;
  if (service.manager === 'systemd') return new SystemdService(service.unit, service.stopTimeoutSeconds);
  return new ExecService({
    ...service,
    stateDirectory: stateDir,
    currentSlot: () => slots.currentLink,
    clock: systemClock,
    narrator: terminal,
  });
}
