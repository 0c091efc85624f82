/**
 * Tells people on standard error, one line a change of state, and systemd by systemd-notify (Node has no datagram
 * sockets of the kind that NOTIFY_SOCKET is). A progress bar is drawn on a terminal only.
 */
import { execFile } from 'node:child_process';
import { type Bar, Presets, SingleBar } from 'cli-progress';
import type { Narrator } from '../ports.ts';

export class Terminal implements Narrator {
  readonly #isTerminal = process.stderr.isTTY === true;
  readonly #isNotified = process.env.NOTIFY_SOCKET !== undefined;
  #bar: SingleBar | undefined;
  #barName = '';
  #last = '';

  state(phase: string, detail: string): void {
    const line = detail === '' ? phase : `${phase}: ${detail}`;
    if (line === this.#last) return;
    this.#last = line;
    this.#endBar();
    process.stderr.write(`${line}\n`);
    this.notify(`STATUS=${line}`);
  }

  warn(code: string, message: string): void {
    this.#endBar();
    process.stderr.write(`warning: ${code}: ${message}\n`);
  }

  progress(done: number, total: number, what: string): void {
    if (!this.#isTerminal) return;
    if (!this.#bar || this.#barName !== what) {
      this.#endBar();
      this.#barName = what;
      this.#bar = new SingleBar(
        { format: `${what} {bar} {percentage}% {value}/{total}`, stream: process.stderr, clearOnComplete: true },
        Presets.shades_classic,
      );
      this.#bar.start(total, done);
    }
    this.#bar.update(done);
    if (done >= total) this.#endBar();
  }

  /** `READY=1`, `STOPPING=1`, `STATUS=…` (sd_notify(3)); nothing where systemd did not start this process. */
  notify(message: string): void {
    if (!this.#isNotified) return;
    execFile('systemd-notify', [message], { timeout: 5000 }, () => undefined);
  }

  #endBar(): void {
    (this.#bar as Bar | undefined)?.stop();
    this.#bar = undefined;
  }
}
