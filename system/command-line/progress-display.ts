/** Shows how far long work is: a bar where a person watches; in a log, a line for each quarter. */
import { Presets, SingleBar } from 'cli-progress';
import type { Progress } from '../../contract/progress.ts';

/** Less is done before anybody wonders. */
const minLoggedBytes = 64 * 1024 * 1024;

export class ProgressDisplay {
  readonly #stream: NodeJS.WritableStream & { readonly isTTY?: boolean };
  #bar: { readonly label: string; readonly bar: SingleBar } | undefined;

  constructor(stream: NodeJS.WritableStream & { readonly isTTY?: boolean }) {
    this.#stream = stream;
  }

  /** @param label what is going on, one or two words */
  of(label: string): Progress {
    let expected = 0;
    let done = 0;
    let quarters = 0;
    const show = () => {
      if (this.#stream.isTTY) this.draw(label, done, expected);
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

  /** A bar of its own for each label, one after the other; nothing where nobody watches. */
  draw(label: string, done: number, expected: number): void {
    if (!this.#stream.isTTY) return;
    if (this.#bar?.label !== label) {
      this.end();
      const format = `${label} {bar} {percentage}% | ETA {eta_formatted}`;
      const bar = new SingleBar({ format, stream: this.#stream, clearOnComplete: true }, Presets.shades_classic);
      bar.start(expected, done);
      this.#bar = { label, bar };
    }
    this.#bar.bar.setTotal(expected);
    this.#bar.bar.update(done);
  }

  /** Takes the bar away, so that lines stand by themselves. */
  end(): void {
    this.#bar?.bar.stop();
    this.#bar = undefined;
  }

  /** More work may be announced later, so a quarter is said once. @returns quarters said so far */
  #log(label: string, done: number, expected: number, said: number): number {
    const quarters = expected < minLoggedBytes ? 0 : Math.floor((done / expected) * 4);
    if (quarters <= said) return said;
    this.#stream.write(`${label}: ${quarters * 25} % of ${expected} bytes\n`);
    return quarters;
  }
}
