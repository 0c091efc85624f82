/**
 * `slipway-edge`: configuration, adapters, commands. The only file that knows which adapters there are, beside
 * apply-main.ts, which has one command.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { DeltaPolicy } from '../contract/device-api/check.ts';
import { SlipwayError, toSlipwayError } from '../contract/errors.ts';
import { applyToFile } from './adapters/applied-file.ts';
import { CommandProbe } from './adapters/command-probe.ts';
import { deltaProcess } from './adapters/delta-process.ts';
import { DeviceToken } from './adapters/device-token.ts';
import { StateDiskSpace } from './adapters/disk-space.ts';
import { DownloadDirectory, readTransfer } from './adapters/download-directory.ts';
import { ExecService, readServicePid } from './adapters/exec-service.ts';
import { HttpProbe } from './adapters/http-probe.ts';
import { HttpServer } from './adapters/http-server.ts';
import { InstanceLock, readHolder } from './adapters/instance-lock.ts';
import { JournalFile, readJournal } from './adapters/journal-file.ts';
import { MetadataDirectory } from './adapters/metadata-directory.ts';
import { SlotDirectory } from './adapters/slot-directory.ts';
import { readStatus, writeStatus } from './adapters/status-file.ts';
import { systemClock } from './adapters/system-clock.ts';
import { SystemdService } from './adapters/systemd-service.ts';
import { Terminal } from './adapters/terminal.ts';
import { zstdEncoderOf } from './adapters/zstd-programs.ts';
import { abortOnSignals, print, runCommandLine } from './command-line.ts';
import { addApply } from './commands/apply.ts';
import { addCheckNow } from './commands/check-now.ts';
import type { CommandContext, OpenDevice } from './commands/command-context.ts';
import { addInstall } from './commands/install.ts';
import { addRollback } from './commands/rollback.ts';
import { addRun } from './commands/run.ts';
import { addStatus, type DeviceReading } from './commands/status.ts';
import { type Configuration, parseConfiguration, proxiesOf } from './configuration.ts';
import { Device } from './device.ts';
import type { LeastRate } from './download/least-rate.ts';
import type { BlobSource, HealthProbe, ServiceManager } from './ports.ts';
import { proveServer } from './trust/prove-server.ts';
import { checkRequestOf } from './update/check-request.ts';
import { isDiskCode } from './update/disk-codes.ts';
import { blankState } from './update/state.ts';
import type { Waiting } from './update/switch-window.ts';
import { troublesOf } from './update/troubles.ts';
import { earliestTime, updaterVersion } from './updater-version.ts';

// Streams leave young garbage; without a bound the engine keeps tens of megabytes of it before it looks.
setFlagsFromString('--semi-space-growth-factor=1');

const stop = new AbortController();
const terminal = new Terminal();

function readConfiguration(file: string): Configuration {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SlipwayError('document-unreadable', `cannot read ${file}`, { cause, hint: 'Name it with --config.' });
  }
  return parseConfiguration(text, file, { arch: process.arch, machineId: readOptional('/etc/machine-id') });
}

function readOptional(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function open(configFile: string, command: string, blobs?: BlobSource): OpenDevice {
  const configuration = readConfiguration(configFile);
  const lock = new InstanceLock(configuration.stateDir, command);
  try {
    return openLocked(configuration, lock, blobs);
  } catch (thrown) {
    lock.release();
    throw thrown;
  }
}

/** A disk that takes nothing lets no daemon open its state; the server still hears why, once a poll. */
async function openPatiently(configFile: string, command: string): Promise<OpenDevice> {
  for (;;) {
    try {
      return open(configFile, command);
    } catch (thrown) {
      const error = toSlipwayError(thrown);
      if (!isDiskCode(error.code)) throw thrown;
      terminal.warn(error.code, error.message);
      terminal.notify('READY=1');
      const configuration = readConfiguration(configFile);
      await tellOf(error, configuration).catch((untold) => {
        const { code, message } = toSlipwayError(untold);
        terminal.warn(code, message);
      });
      await systemClock.sleep(configuration.poll.intervalSeconds, stop.signal);
    }
  }
}

/** One check that writes nothing, and whose answer is not followed. */
async function tellOf({ code, message }: SlipwayError, configuration: Configuration): Promise<void> {
  const { stateDir, deviceId, product, platform, labels } = configuration;
  const content = readJournal(stateDir);
  const state = content.kind === 'state' ? content.state : blankState;
  const facts = { deviceId, product, platform, labels, updaterVersion };
  const troubles = troublesOf([{ code, message }], [], new Date().toISOString());
  const server = serverOf(configuration);
  try {
    await server.check(checkRequestOf(state, facts, deltaPolicyOf(configuration), troubles), stop.signal);
  } finally {
    await server.close();
  }
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

function metadataOf({ stateDir, trustedRoot }: Configuration): MetadataDirectory {
  return new MetadataDirectory(stateDir, trustedRoot, earliestTime);
}

function leastRateOf({ download }: Configuration): LeastRate {
  return { bytesPerSecond: download.minBytesPerSecond, windowSeconds: download.rateWindowSeconds };
}

function serverOf(configuration: Configuration): HttpServer {
  const { stateDir, deviceId, product, platform, labels, server, caFile, developmentAllowHttp } = configuration;
  const token = new DeviceToken({
    stateDirectory: stateDir,
    enrolmentTokenFile: configuration.enrolment?.tokenFile,
    request: { schemaVersion: 1, deviceId, product, platform, labels },
    prove: (metadata) => proveServer(product, metadata, metadataOf(configuration), Date.now()),
  });
  return new HttpServer({
    ...{ server, deviceId, caFile, developmentAllowHttp, userAgent: `slipway-edge/${updaterVersion}` },
    stallSeconds: configuration.download.stallSeconds,
    leastRate: leastRateOf(configuration),
    ...{ proxies: proxiesOf(configuration, process.env), environment: process.env },
    token: (enrolment, refused) => token.get(enrolment, refused),
  });
}

function openLocked(configuration: Configuration, lock: InstanceLock, blobs: BlobSource | undefined): OpenDevice {
  const { stateDir, product, platform, labels, deviceId, download, delta, health } = configuration;
  const content = readJournal(stateDir);
  const slots = new SlotDirectory(stateDir);
  const service = serviceOf(configuration, slots);
  const server = serverOf(configuration);
  const journal = new JournalFile(stateDir);
  const device = new Device({
    facts: { deviceId, product, platform, labels, updaterVersion },
    server,
    metadata: metadataOf(configuration),
    journal,
    found: content.kind === 'state' ? content.state : content.kind,
    world: {
      downloads: new DownloadDirectory(stateDir),
      slots,
      disk: new StateDiskSpace(stateDir),
      blobs: blobs ?? server,
      deltas: deltaProcess(delta.zstdPrograms),
      service,
      health: healthOf(configuration),
      clock: systemClock,
      narrator: terminal,
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
      },
    },
  });
  return {
    device,
    configuration,
    releaseService: (how) => service.release(how),
    notify: (message) => terminal.notify(message),
    polled({ reason, message, nextPollAt, waiting }) {
      const lastCheck = { at: new Date().toISOString(), reason, ...(message === undefined ? {} : { message }) };
      const window = waiting && windowOf(waiting, Date.now());
      writeStatus(stateDir, {
        lastCheck,
        ...(nextPollAt ? { nextPollAt: nextPollAt.toISOString() } : {}),
        ...(window ? { window } : {}),
      });
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      journal.close();
      lock.release();
    },
  };
}

/** A window on the wall clock, for people. */
function windowOf({ opensInSeconds, closesInSeconds }: Waiting, now: number) {
  if (opensInSeconds === undefined || closesInSeconds === undefined) return undefined;
  const at = (seconds: number) => new Date(now + seconds * 1000).toISOString();
  return { opensAt: at(opensInSeconds), closesAt: at(closesInSeconds) };
}

function serviceOf(configuration: Configuration, slots: SlotDirectory): ServiceManager {
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

function healthOf({ health, stateDir }: Configuration): HealthProbe {
  if (health.http) return new HttpProbe(health.http.url, health.http.expectStatus, health.probeTimeoutSeconds);
  const current = path.join(stateDir, 'current');
  const command = (health.command ?? []).map((part) => part.replaceAll(/\{(slot|current)\}/g, current));
  return new CommandProbe(() => command, health.probeTimeoutSeconds);
}

function read(configFile: string): DeviceReading {
  const configuration = readConfiguration(configFile);
  const { stateDir } = configuration;
  const content = readJournal(stateDir);
  const status = readStatus(stateDir);
  const holder = readHolder(stateDir);
  return {
    configuration,
    journal: content.kind === 'state' ? content.state : content.kind,
    holder,
    servicePid: readServicePid(stateDir),
    downloading: readTransfer(stateDir),
    // Nobody will poll where no daemon runs.
    nextPollAt: holder?.command === 'run' ? status?.nextPollAt : undefined,
    lastCheck: status?.lastCheck,
    // The daemon counts it; a process that is gone counts nothing.
    window: holder?.command === 'run' ? status?.window : undefined,
  };
}

const context: CommandContext = {
  open,
  openPatiently,
  read,
  applyToFile: (files, out, means) => applyToFile(files, out, means, () => stop.signal),
  signal: stop.signal,
  print,
};

// Whoever reads the output may leave early, as head does: the work goes on without a word.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
abortOnSignals(stop);
await runCommandLine((program) => {
  for (const add of [addRun, addCheckNow, addStatus, addInstall, addRollback, addApply]) add(program, context);
}, stop.signal);
