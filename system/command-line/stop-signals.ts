/** Handles SIGINT and SIGTERM: a process ends when a person or a service manager tells it to. */
import { constants } from 'node:os';

const names = ['SIGINT', 'SIGTERM'] as const;

/** Work looks at a signal and ends by itself. */
export class StopSignals {
  readonly #controller = new AbortController();
  #status: number | undefined;

  /** Aborted when the process was told to end. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** As a shell names the end by a signal, 130 or 143; undefined when there was none. */
  get exitStatus(): number | undefined {
    return this.#status;
  }

  /** From now on the process does not end at once. */
  listen(): void {
    for (const name of names) {
      process.once(name, () => {
        this.#status ??= statusOf(name);
        this.#controller.abort();
      });
    }
  }
}

/** Work is cut off, and what it would leave behind is removed. */
export function endOnSignals(cleanUp: () => void): void {
  for (const name of names) {
    process.once(name, () => {
      cleanUp();
      process.exit(statusOf(name));
    });
  }
}

function statusOf(name: (typeof names)[number]): number {
  return 128 + constants.signals[name];
}
