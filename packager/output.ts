/**
 * What a command prints: its result on stdout (for people, or as one JSON value under `--json`), everything else on
 * stderr. A progress bar only where a person watches.
 */
import { Presets, SingleBar } from 'cli-progress';
import { describeError, type SlipwayError } from '../contract/errors.ts';
import type { Progress } from './progress.ts';

export interface Streams {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

export class Output {
  readonly #streams: Streams;
  readonly #json: boolean;
  #bar: SingleBar | undefined;

  constructor(streams: Streams, json: boolean) {
    this.#streams = streams;
    this.#json = json;
  }

  /** The result of the command; called once. @param lines the same for people */
  result(value: unknown, lines: readonly string[]): void {
    this.endProgress();
    this.#streams.stdout.write(
      this.#json ? `${JSON.stringify(value, null, 2)}\n` : lines.map((l) => `${l}\n`).join(''),
    );
  }

  /** One line for people, on stderr. */
  say(line: string): void {
    this.endProgress();
    this.#streams.stderr.write(`${line}\n`);
  }

  error(error: SlipwayError): void {
    this.endProgress();
    const hint = error.hint === undefined ? '' : `hint: ${error.hint}\n`;
    this.#streams.stderr.write(`error ${error.code}: ${error.message}\n${hint}`);
    if (this.#json) this.#streams.stdout.write(`${JSON.stringify({ error: describeError(error) }, null, 2)}\n`);
  }

  /** @param label what is going on, one or two words */
  progress(label: string): Progress {
    let expected = 0;
    let done = 0;
    return {
      expect: (bytes) => {
        expected += bytes;
        this.#draw(label, done, expected);
      },
      advance: (bytes) => {
        done += bytes;
        this.#draw(label, done, expected);
      },
    };
  }

  /** Takes the bar away, so that lines stand by themselves. */
  endProgress(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #draw(label: string, done: number, expected: number): void {
    if (this.#streams.stderr.isTTY !== true) return;
    if (!this.#bar) {
      const format = `${label} {bar} {percentage}% | ETA {eta_formatted}`;
      this.#bar = new SingleBar(
        { format, stream: this.#streams.stderr, clearOnComplete: true },
        Presets.shades_classic,
      );
      this.#bar.start(expected, done);
    }
    this.#bar.setTotal(expected);
    this.#bar.update(done);
  }
}
