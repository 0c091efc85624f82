/**
 * Runs the service as a child of the updater, for containers and machines without systemd. It restarts the service when
 * it ends, with backoff; it finds the one that a killed updater left behind and goes on with it. There are never two at
 * once: a new one starts only after the old one was seen to be gone. Starting and stopping need nothing of the disk:
 * what it does not take is found again by the environment of the process.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readFileSync, renameSync, statSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { SlipwayError, toSlipwayError } from '../../../contract/errors.ts';
import { isDiskCode } from '../../../system/files/disk-codes.ts';
import { exists, onDisk, replaceFileSync } from '../../../system/files/durable-file-sync.ts';
import type { Clock, Narrator, ServiceCondition, ServiceManager } from '../../ports.ts';
import type { LastWords } from '../../update/last-words.ts';
import { retryDelaySeconds } from '../../update/retry.ts';
import { lastLineOf } from './last-line.ts';
import { findByEnvironment, identify, isAlive, type ProcessIdentity, workingFolderOf } from './process-table.ts';
import { startFailure } from './start-failure.ts';

interface ExecServiceOptions {
  readonly stateDirectory: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stopTimeoutSeconds: number;
  readonly output: 'file' | 'inherit';
  /** Digest of the slot that `current` names. */
  readonly currentSlot: () => string | undefined;
  readonly clock: Clock;
  readonly narrator: Narrator;
}

const recordSchema = z.strictObject({
  schemaVersion: z.literal(1),
  /** In the environment of the process: finds it when the updater was killed before it could write the pid. */
  mark: z.string(),
  slot: z.string(),
  process: z.strictObject({ pid: z.number().int(), startTime: z.string(), bootId: z.string() }).optional(),
});
type ServiceRecord = z.infer<typeof recordSchema>;

const markName = 'SLIPWAY_SERVICE_MARK';
/** In the environment as well: whose service it is, for one whose record the disk did not take. */
const ownerName = 'SLIPWAY_SERVICE_OF';
const backoff = { baseSeconds: 1, capSeconds: 60 };
const watchSeconds = 0.5;
const maxLogBytes = 10 * 1024 * 1024;

export class ExecService implements ServiceManager {
  readonly #options: ExecServiceOptions;
  readonly #recordFile: string;
  /** What runs, as far as this process knows. */
  #running: ServiceRecord | undefined;
  #crashes = 0;
  /** Ends the supervision of what was started before. */
  #watch = new AbortController();
  #lastExit = 'not started';

  constructor(options: ExecServiceOptions) {
    this.#options = options;
    this.#recordFile = path.join(options.stateDirectory, 'service.json');
    this.#running = this.#findOrphan();
  }

  async restart(): Promise<void> {
    await this.stop();
    this.#crashes = 0;
    await this.#start();
    void this.#supervise(this.#watch.signal);
  }

  async ensure(): Promise<void> {
    const slot = this.#options.currentSlot();
    const running = this.#running;
    if (running?.process && isAlive(running.process) && running.slot === slot) {
      this.#watch.abort();
      this.#watch = new AbortController();
      void this.#supervise(this.#watch.signal);
      return;
    }
    await this.restart();
  }

  async stop(): Promise<void> {
    this.#watch.abort();
    this.#watch = new AbortController();
    const running = this.#running?.process;
    if (running && isAlive(running)) await this.#end(running);
    this.#running = undefined;
  }

  async condition(): Promise<ServiceCondition> {
    const running = this.#running?.process;
    const isActive = running !== undefined && isAlive(running);
    return { isActive, crashes: this.#crashes, detail: isActive ? `pid ${running.pid}` : this.#lastExit };
  }

  async lastWords(): Promise<LastWords> {
    const { output } = this.#options;
    if (output === 'inherit') return { where: 'the standard error of slipway-edge' };
    return { line: lastLineOf(this.#logFile), where: this.#logFile };
  }

  async release(how: 'stop' | 'leave'): Promise<void> {
    if (how === 'stop') await this.stop();
    else this.#watch.abort();
  }

  async #start(): Promise<void> {
    const slot = this.#options.currentSlot();
    if (slot === undefined) throw new SlipwayError('service-start-failed', 'there is no current release to start');
    const mark = randomUUID();
    this.#running = { schemaVersion: 1, mark, slot };
    // Before the process exists, so that one whose pid nobody wrote down can still be found.
    this.#record(this.#running);
    const child = this.#spawn(slot, mark);
    child.once('exit', (code, signal) => {
      this.#lastExit = signal ? `ended by ${signal}` : `ended with status ${code}`;
    });
    if (child.pid === undefined) {
      const cause = await new Promise<Error>((resolve) => child.once('error', resolve));
      this.#lastExit = `could not be started: ${cause.message}`;
      throw startFailure('start the service', cause, child.spawnfile);
    }
    child.on('error', () => undefined);
    // In the same turn as the spawn: a stop that comes in between would miss it.
    const identity = identify(child.pid);
    // Gone already: supervision counts it as a crash.
    if (!identity) return;
    this.#running = { ...this.#running, process: identity };
    this.#record(this.#running);
  }

  #spawn(slot: string, mark: string): ChildProcess {
    const { stateDirectory, command, env, output } = this.#options;
    const folders = { slot: path.join(stateDirectory, 'slots', slot), current: path.join(stateDirectory, 'current') };
    const fill = (text: string) => text.replaceAll('{slot}', folders.slot).replaceAll('{current}', folders.current);
    const [file = '', ...args] = command.map(fill);
    const filled = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, fill(value)]));
    const { NOTIFY_SOCKET: _, ...inherited } = process.env;
    const log = output === 'file' ? this.#openLog() : undefined;
    try {
      // A session of its own: it outlives a killed updater, and its whole group can be ended.
      const child = spawn(file, args, {
        cwd: folders.slot,
        env: { ...inherited, ...filled, [markName]: mark, [ownerName]: stateDirectory },
        stdio: output === 'file' ? ['ignore', log ?? 'ignore', log ?? 'ignore'] : ['ignore', 2, 2],
        detached: true,
      });
      child.unref();
      return child;
    } catch (cause) {
      throw startFailure(`start ${file}`, cause, file);
    } finally {
      if (log !== undefined) closeSync(log);
    }
  }

  get #logFile(): string {
    return path.join(this.#options.stateDirectory, 'service.log');
  }

  /** Undefined where the disk takes no log: better a service without one than none. */
  #openLog(): number | undefined {
    const file = this.#logFile;
    return this.#unlessDisk(() =>
      onDisk('open the log of the service', () => {
        if (exists(file) && statSync(file).size > maxLogBytes) renameSync(file, `${file}.1`);
        return openSync(file, 'a', 0o640);
      }),
    );
  }

  #unlessDisk<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (thrown) {
      const { code, message } = toSlipwayError(thrown);
      if (!isDiskCode(code)) throw thrown;
      this.#options.narrator.warn(code, message);
      return undefined;
    }
  }

  /** Watches by /proc, because an adopted process is nobody's child here. */
  async #supervise(signal: AbortSignal): Promise<void> {
    const { clock, narrator } = this.#options;
    try {
      for (;;) {
        const running = this.#running?.process;
        if (running && isAlive(running)) {
          await clock.sleep(watchSeconds, signal);
          continue;
        }
        signal.throwIfAborted();
        this.#crashes++;
        narrator.warn('service-start-failed', `the service ${this.#lastExit}; it is started again`);
        await clock.sleep(Math.max(0.1, retryDelaySeconds(backoff, this.#crashes, clock.random())), signal);
        try {
          // What the ended one has left of its group would hold its ports.
          if (running) signalGroup(running.pid, 'SIGKILL');
          await this.#start();
        } catch (error) {
          this.#lastExit = error instanceof Error ? error.message : String(error);
        }
      }
    } catch (error) {
      if (!signal.aborted) narrator.warn('internal', `supervision ended: ${String(error)}`);
    }
  }

  async #end(running: ProcessIdentity): Promise<void> {
    const { clock, stopTimeoutSeconds } = this.#options;
    const never = new AbortController().signal;
    signalGroup(running.pid, 'SIGTERM');
    const deadline = clock.monotonicSeconds() + stopTimeoutSeconds;
    while (isAlive(running) && clock.monotonicSeconds() < deadline) await clock.sleep(0.05, never);
    // Also those of its group that did not follow it.
    signalGroup(running.pid, 'SIGKILL');
    while (isAlive(running)) await clock.sleep(0.05, never);
  }

  /** By the record, or by the environment of the process where the record is of another one. */
  #findOrphan(): ServiceRecord | undefined {
    const record = readRecord(this.#recordFile);
    if (record?.process && isAlive(record.process)) return record;
    const marked = record && !record.process && findByEnvironment(`${markName}=${record.mark}`)[0];
    if (marked) return { ...record, process: marked };
    const { stateDirectory } = this.#options;
    for (const found of findByEnvironment(`${ownerName}=${stateDirectory}`)) {
      // What a service has started inherits its environment, but lives elsewhere.
      const folder = workingFolderOf(found);
      if (folder === undefined || !isSameFolder(path.dirname(folder), path.join(stateDirectory, 'slots'))) continue;
      return { schemaVersion: 1, mark: '', slot: path.basename(folder), process: found };
    }
    return undefined;
  }

  #record(record: ServiceRecord): void {
    this.#unlessDisk(() => replaceFileSync(this.#recordFile, Buffer.from(JSON.stringify(record))));
  }
}

function isSameFolder(one: string, other: string): boolean {
  const [a, b] = [one, other].map((folder) => statSync(folder, { throwIfNoEntry: false }));
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino;
}

function readRecord(file: string): ServiceRecord | undefined {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in the group.
  }
}

/** The pid of the service beside a running daemon, for `status`. */
export function readServicePid(stateDirectory: string): number | undefined {
  const running = readRecord(path.join(stateDirectory, 'service.json'))?.process;
  return running && isAlive(running) ? running.pid : undefined;
}
