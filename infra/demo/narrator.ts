/** What a person reads while the demo runs: one line a step, facts indented below it. */
import type { ScenarioResult } from './scenario.ts';

export class Narrator {
  readonly #output: NodeJS.WritableStream | undefined;
  readonly #startedAt = performance.now();

  /** @param output where lines go; undefined keeps quiet */
  constructor(output: NodeJS.WritableStream | undefined) {
    this.#output = output;
  }

  step(text: string): void {
    const seconds = ((performance.now() - this.#startedAt) / 1000).toFixed(1).padStart(5);
    this.#output?.write(`${seconds}s  ${text}\n`);
  }

  fact(text: string): void {
    this.#output?.write(`        ${text}\n`);
  }

  summarise({ observations, releases, ok }: ScenarioResult): void {
    this.#output?.write('\n');
    for (const { what, seen } of observations) this.#output?.write(`  ${seen ? 'ok  ' : 'FAIL'}  ${what}\n`);
    const second = releases.find(({ number }) => number === 2);
    if (second?.transfer) {
      const { bytesOnWire, fullBytes } = second.transfer;
      const share = ((100 * bytesOnWire) / second.installedBytes).toFixed(1);
      this.#output?.write(
        `\n  Release 2: ${inKilobytes(bytesOnWire)} on the wire for ${inKilobytes(second.installedBytes)} installed ` +
          `(${share} %; compressed whole: ${inKilobytes(fullBytes)}).\n`,
      );
    }
    this.#output?.write(ok ? '\n  Every promise was observed.\n' : '\n  Something was not observed.\n');
  }
}

export function inKilobytes(bytes: number): string {
  return `${Math.round(bytes / 1000).toLocaleString('en-GB')} kB`;
}
