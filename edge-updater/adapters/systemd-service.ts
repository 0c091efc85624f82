/** The service as a unit of systemd, which starts and restarts it; the unit runs what lies below `current`. */
import { execFile } from 'node:child_process';
import { SlipwayError } from '../../contract/errors.ts';
import type { ServiceCondition, ServiceManager } from '../ports.ts';

export class SystemdService implements ServiceManager {
  readonly #unit: string;
  readonly #timeoutMs: number;
  readonly #systemctl: string;
  /** NRestarts of the unit when it was last restarted from here. */
  #restartsBefore = 0;

  /** @param systemctl the program to call; the real one outside of tests */
  constructor(unit: string, stopTimeoutSeconds: number, systemctl = 'systemctl') {
    this.#unit = unit;
    // Stopping has its own time-out in the unit; starting needs some time on top.
    this.#timeoutMs = (stopTimeoutSeconds + 120) * 1000;
    this.#systemctl = systemctl;
  }

  async restart(): Promise<void> {
    // A unit that hit its start limit refuses to start until it is reset.
    await this.#run(['reset-failed', this.#unit]).catch(() => undefined);
    try {
      await this.#run(['restart', this.#unit]);
    } catch (cause) {
      throw new SlipwayError('service-start-failed', `systemctl restart ${this.#unit}: ${messageOf(cause)}`, {
        cause,
        hint: `Look at journalctl -u ${this.#unit}.`,
      });
    }
    this.#restartsBefore = (await this.#show()).restarts;
  }

  /** systemd itself sees to it; a unit that an operator stopped stays stopped. */
  async ensure(): Promise<void> {}

  async stop(): Promise<void> {
    try {
      await this.#run(['stop', this.#unit]);
    } catch (cause) {
      throw new SlipwayError('io-error', `systemctl stop ${this.#unit}: ${messageOf(cause)}`, { cause });
    }
  }

  async condition(): Promise<ServiceCondition> {
    try {
      const { state, restarts } = await this.#show();
      const crashes = Math.max(0, restarts - this.#restartsBefore);
      return { isActive: state === 'active' || state === 'reloading', crashes, detail: `${this.#unit} is ${state}` };
    } catch (error) {
      return { isActive: false, crashes: 0, detail: messageOf(error) };
    }
  }

  /** A unit does not belong to this process. */
  async release(): Promise<void> {}

  async #show(): Promise<{ state: string; restarts: number }> {
    const text = await this.#run(['show', '--property=ActiveState,NRestarts', this.#unit]);
    const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1];
    return { state: value('ActiveState') ?? 'unknown', restarts: Number(value('NRestarts') ?? 0) };
  }

  #run(args: readonly string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      execFile(this.#systemctl, args, { timeout: this.#timeoutMs }, (error, stdout, stderr) => {
        if (error) reject(new Error(stderr.trim() || error.message, { cause: error }));
        else resolve(stdout);
      });
    });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
