/**
 * Tells people on standard error, one line a change of state, and systemd by systemd-notify (Node has no datagram
 * sockets of the kind that NOTIFY_SOCKET is). A progress bar is drawn on a terminal only.
 */
import { execFile } from 'node:child_process';
import { ProgressDisplay } from '../../system/command-line/progress-display.ts';
import type { Narrator } from '../ports.ts';

export class Terminal implements Narrator {
  readonly #isNotified = process.env.NOTIFY_SOCKET !== undefined;
  readonly #stream: NodeJS.WritableStream;
  readonly #display: ProgressDisplay;
  #last = '';

  /** @param stream where people read */
  constructor(stream: NodeJS.WritableStream = process.stderr) {
    this.#stream = stream;
    this.#display = new ProgressDisplay(stream);
  }

  state(phase: string, detail: string): void {
    const line = detail === '' ? phase : `${phase}: ${detail}`;
    if (line === this.#last) return;
    this.#last = line;
    this.#display.end();
    this.#stream.write(`${line}\n`);
    this.notify(`STATUS=${line}`);
  }

  warn(code: string, message: string): void {
    this.#display.end();
    this.#stream.write(`warning: ${code}: ${message}\n`);
  }

  progress(done: number, total: number, what: string): void {
    this.#display.draw(what, done, total);
    if (done >= total) this.#display.end();
  }

  /** `READY=1`, `STOPPING=1`, `STATUS=…` (sd_notify(3)); nothing where systemd did not start this process. */
  notify(message: string): void {
    if (!this.#isNotified) return;
    execFile('systemd-notify', [message], { timeout: 5000 }, () => undefined);
  }
}
