/** Runs the service as a unit of systemd, which starts and restarts it; the unit runs what lies below `current`. */
import { execFile } from 'node:child_process';
import { SlipwayError } from '../../../contract/errors.ts';
import type { ServiceCondition, ServiceManager } from '../../ports.ts';
import type { LastWords } from '../../update/last-words.ts';
import { lastLineIn } from './last-line.ts';
import { startFailure } from './start-failure.ts';

/** On top of the unit's stop time-out: a start that fails at once has failed by then. */
const startGraceMs = 5000;

/** What systemctl may take by itself, on a busy machine. */
const answerMs = 120_000;
/** The journal of a small machine may be large; a message can do without. */
const logMs = 10_000;

class TimeOut extends Error {}

export class SystemdService implements ServiceManager {
  readonly #unit: string;
  readonly #stopTimeoutMs: number;
  readonly #systemctl: string;
  readonly #journalctl: string;
  /** NRestarts of the unit when it was last restarted from here. */
  #restartsBefore = 0;

  /** @param systemctl and journalctl: the programs to call; the real ones outside of tests */
  constructor(unit: string, stopTimeoutSeconds: number, systemctl = 'systemctl', journalctl = 'journalctl') {
    this.#unit = unit;
    this.#stopTimeoutMs = stopTimeoutSeconds * 1000;
    this.#systemctl = systemctl;
    this.#journalctl = journalctl;
  }

  /**
   * Waits for the end of the old service, not for the new one to be ready: a K3s (Type=notify, no start time-out) says
   * so after minutes on a small box, and how many it may take is for the probation to judge.
   */
  async restart(): Promise<void> {
    // A unit that hit its start limit refuses to start until it is reset.
    await this.#run(['reset-failed', this.#unit]).catch(() => undefined);
    try {
      await this.#run(['restart', this.#unit], this.#stopTimeoutMs + startGraceMs);
    } catch (cause) {
      // systemd goes on with the job when the command that asked for it is gone.
      if (!(cause instanceof TimeOut)) throw await this.#startFailed(cause);
    }
    this.#restartsBefore = (await this.#show()).restarts;
  }

  /** systemd itself sees to it; a unit that an operator stopped stays stopped. */
  async ensure(): Promise<void> {}

  async stop(): Promise<void> {
    try {
      await this.#run(['stop', this.#unit], this.#stopTimeoutMs + answerMs);
    } catch (cause) {
      throw new SlipwayError('io-error', `systemctl stop ${this.#unit}: ${messageOf(cause)}`, { cause });
    }
  }

  async condition(): Promise<ServiceCondition> {
    try {
      const { state, subState, restarts } = await this.#show();
      const crashes = Math.max(0, restarts - this.#restartsBefore);
      const isActive = state === 'active' || state === 'reloading';
      // One that waits to be restarted is `activating` as well.
      const isStarting = state === 'activating' && subState !== 'auto-restart';
      const detail = `${this.#unit} is ${state}${subState === '' ? '' : ` (${subState})`}`;
      return { isActive, isStarting, crashes, detail };
    } catch (error) {
      return { isActive: false, crashes: 0, detail: messageOf(error) };
    }
  }

  async lastWords(): Promise<LastWords> {
    const where = `journalctl -u ${this.#unit}`;
    const asked = ['--unit', this.#unit, '--lines', '1', '--output', 'cat', '--no-pager', '--quiet'];
    const text = await this.#run(asked, logMs, this.#journalctl).catch(() => '');
    return { line: lastLineIn(text), where };
  }

  /** A unit does not belong to this process. */
  async release(): Promise<void> {}

  /** A machine without memory or processes to spare says nothing about what it could not start. */
  async #startFailed(cause: unknown): Promise<SlipwayError> {
    const message = `systemctl restart ${this.#unit}: ${messageOf(cause)}`;
    const result = await this.#show().catch(() => undefined);
    if (result?.result === 'resources') return new SlipwayError('memory-exceeded', message, { cause });
    const started = startFailure(`restart ${this.#unit}`, cause instanceof Error ? (cause.cause ?? cause) : cause);
    if (started.code !== 'service-start-failed') return started;
    return new SlipwayError('service-start-failed', message, { cause, hint: `Look at journalctl -u ${this.#unit}.` });
  }

  async #show(): Promise<{ state: string; subState: string; restarts: number; result: string }> {
    const properties = ['ActiveState', 'SubState', 'NRestarts', 'Result'];
    const text = await this.#run(['show', `--property=${properties.join()}`, this.#unit]);
    const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1];
    const [state = 'unknown', subState = '', restarts = 0, result = ''] = properties.map(value);
    return { state, subState, restarts: Number(restarts), result };
  }

  /** @throws TimeOut; Error with what systemctl said */
  #run(args: readonly string[], timeoutMs = answerMs, program = this.#systemctl): Promise<string> {
    return new Promise((resolve, reject) => {
      execFile(program, args, { timeout: timeoutMs }, (error, stdout, stderr) => {
        if (error?.killed) reject(new TimeOut(`no answer within ${timeoutMs} ms`, { cause: error }));
        else if (error) reject(new Error(stderr.trim() || error.message, { cause: error }));
        else resolve(stdout);
      });
    });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
