/** Asks a command whether the service is healthy: exit status 0 means yes. */
import { execFile } from 'node:child_process';
import type { HealthProbe, HealthResult } from '../../ports.ts';
import { lastLineOfOutput } from '../../update/last-words.ts';

export class CommandProbe implements HealthProbe {
  readonly #command: () => readonly string[];
  readonly #timeoutMs: number;

  /** @param command asked for at each probe, because `{slot}` moves with `current` */
  constructor(command: () => readonly string[], timeoutSeconds: number) {
    this.#command = command;
    this.#timeoutMs = Math.ceil(timeoutSeconds * 1000);
  }

  probe(signal: AbortSignal): Promise<HealthResult> {
    const [file = '', ...args] = this.#command();
    return new Promise((resolve) => {
      execFile(
        file,
        args,
        { timeout: this.#timeoutMs, killSignal: 'SIGKILL', signal, maxBuffer: 1024 * 1024 },
        (error, stdout, stderr) => {
          const detail = error
            ? `${file}: ${lastLineOfOutput({ stdout, stderr }) || error.message}`
            : `${file} says yes`;
          resolve({ isHealthy: error === null, detail });
        },
      );
    });
  }
}
