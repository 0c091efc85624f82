/**
 * What a command prints: its result on stdout (for people, or as one JSON value under `--json`), everything else on
 * stderr. A progress bar only where a person watches; in a log, long work has a line for each quarter.
 */
import { Presets, SingleBar } from 'cli-progress';
import { failureText } from '../contract/command-failure.ts';
import { describeError, type SlipwayError } from '../contract/errors.ts';
import type { Progress } from '../contract/progress.ts';

/** Less is done before anybody wonders. */
const minLoggedBytes = 64 * 1024 * 1024;

export interface Streams {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
}

export class Output {
  readonly #streams: Streams;
  readonly #json: boolean;
  #bar: { readonly label: string; readonly bar: SingleBar } | undefined;

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
    this.#streams.stderr.write(failureText(error));
    if (this.#json) this.#streams.stdout.write(`${JSON.stringify({ error: describeError(error) }, null, 2)}\n`);
  }

  /** @param label what is going on, one or two words */
  progress(label: string): Progress {
    let expected = 0;
    let done = 0;
    let quarters = 0;
    const isWatched = this.#streams.stderr.isTTY === true;
    const show = () => {
      if (isWatched) this.#draw(label, done, expected);
      else quarters = this.#log(label, done, expected, quarters);
    };
    return {
      expect: (bytes) => {
        expected += bytes;
        show();
      },
      advance: (bytes) => {
        done += bytes;
        show();
      },
    };
  }

  /** Takes the bar away, so that lines stand by themselves. */
  endProgress(): void {
    this.#bar?.bar.stop();
    this.#bar = undefined;
  }

  /** A bar of its own for each label: one after the other. */
  #draw(label: string, done: number, expected: number): void {
    if (this.#bar?.label !== label) {
      this.endProgress();
      const format = `${label} {bar} {percentage}% | ETA {eta_formatted}`;
      const bar = new SingleBar(
        { format, stream: this.#streams.stderr, clearOnComplete: true },
        Presets.shades_classic,
      );
      bar.start(expected, done);
      this.#bar = { label, bar };
    }
    this.#bar.bar.setTotal(expected);
    this.#bar.bar.update(done);
  }

  /** More work may be announced later, so a quarter is said once. @returns quarters said so far */
  #log(label: string, done: number, expected: number, said: number): number {
    const quarters = expected < minLoggedBytes ? 0 : Math.floor((done / expected) * 4);
    if (quarters <= said) return said;
    this.#streams.stderr.write(`${label}: ${quarters * 25} % of ${expected} bytes\n`);
    return quarters;
  }
}
