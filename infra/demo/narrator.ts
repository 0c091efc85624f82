/** Tells a person what the demo does: one line a step, facts indented below it. */
import type { ScenarioResult } from './scenario.ts';

export class DemoNarrator {
  readonly #output: NodeJS.WritableStream;
  readonly #startedAt = performance.now();

  constructor(output: NodeJS.WritableStream) {
    this.#output = output;
  }

  step(text: string): void {
    const seconds = ((performance.now() - this.#startedAt) / 1000).toFixed(1).padStart(5);
    this.#output.write(`${seconds}s  ${text}\n`);
  }

  fact(text: string): void {
    this.#output.write(`        ${text}\n`);
  }

  summarise({ observations, releases, ok }: ScenarioResult): void {
    const seen = observations.filter((observation) => observation.seen).length;
    const second = releases.find(({ number }) => number === 2);
    if (second?.bytesOnWire !== undefined && second.fullBytes !== undefined) {
      const share = ((100 * second.bytesOnWire) / second.installedBytes).toFixed(1);
      this.#output.write(
        `\n  Release 2: ${inKilobytes(second.bytesOnWire)} on the wire for ${inKilobytes(second.installedBytes)} ` +
          `installed (${share} %; compressed whole: ${inKilobytes(second.fullBytes)}).\n`,
      );
    }
    this.#output.write(`  ${seen} of ${observations.length} promises observed${ok ? '.' : ': FAILED.'}\n`);
  }
}

export function inKilobytes(bytes: number): string {
  return `${Math.round(bytes / 1000).toLocaleString('en-GB')} kB`;
}

export function inDays(seconds: number): string {
  const days = seconds / (24 * 3600);
  return days < 1 ? `${(days * 24).toFixed(1)} hours` : `${days.toFixed(1)} days`;
}
