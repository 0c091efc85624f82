/** The distributor as it is shipped, or another server that says where it listens, as a process that is measured. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

export const distributor = path.join(import.meta.dirname, '../../../dist/slipway-distributor.mjs');

export class Listening {
  readonly url: string;
  readonly pid: number;
  readonly #child: ChildProcess;

  private constructor(url: string, child: ChildProcess) {
    this.url = url;
    this.pid = child.pid ?? -1;
    this.#child = child;
  }

  /**
   * @param words script and arguments; it prints `{"listening": URL}` first
   * @param log file that its log goes to: writing it is part of the work
   */
  static async start(words: readonly string[], log: string): Promise<Listening> {
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', openSync(log, 'a')] });
    if (!child.stdout) throw new Error('expected a pipe');
    const [line] = await Promise.race([
      once(createInterface(child.stdout), 'line'),
      once(child, 'exit').then(([status]) => {
        throw new Error(`${words[0]} ended with ${status} before it listened; see ${log}`);
      }),
    ]);
    return new Listening((JSON.parse(String(line)) as { listening: string }).listening, child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }
}
