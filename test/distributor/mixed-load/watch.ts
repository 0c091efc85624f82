/** What a server takes of the machine while it works: sampled from outside, and judged by what it takes later on. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { RunningProgram } from '../../../infra/demo/programs.ts';

export interface Sample {
  readonly atSeconds: number;
  readonly residentBytes: number;
  readonly descriptors: number;
  /** Of an answer to `/healthz`; undefined when there was none within `patienceMs`. */
  readonly healthMs: number | undefined;
}

const patienceMs = 10_000;
/** How much more one server may hold in the last quarter of the time than in the second one. */
const maxGrowth = { bytes: 48e6, ratio: 1.2 };
/** Of all servers together: clients move between them. */
const maxMoreDescriptors = 80;
const longestHealthMs = 5000;

export class Watch {
  readonly samples: Sample[] = [];
  readonly #program: RunningProgram;
  readonly #url: string;
  readonly #began = performance.now();

  constructor(program: RunningProgram, url: string) {
    this.#program = program;
    this.#url = url;
  }

  async sample(): Promise<void> {
    const { pid } = this.#program.child;
    const [, kibibytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    this.samples.push({
      atSeconds: (performance.now() - this.#began) / 1000,
      residentBytes: Number(kibibytes) * 1024,
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
      healthMs: await this.#healthMs(),
    });
  }

  /** Medians of a part of the time, both ends from 0 to 1. */
  medians(from: number, to: number): Pick<Sample, 'residentBytes' | 'descriptors'> {
    const { length } = this.samples;
    const part = this.samples.slice(Math.floor(from * length), Math.ceil(to * length));
    const middle = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
    return {
      residentBytes: middle(part.map(({ residentBytes }) => residentBytes)),
      descriptors: middle(part.map(({ descriptors }) => descriptors)),
    };
  }

  get longestHealthMs(): number {
    return Math.max(...this.samples.map(({ healthMs }) => healthMs ?? Number.POSITIVE_INFINITY));
  }

  /** What it held in each quarter, for people. */
  toString(): string {
    const quarters = [0, 0.25, 0.5, 0.75].map((from) => this.medians(from, from + 0.25));
    const memory = quarters.map(({ residentBytes }) => Math.round(residentBytes / 1e6)).join(', ');
    const descriptors = quarters.map((quarter) => quarter.descriptors).join(', ');
    const health = `the longest answer of /healthz took ${Math.round(this.longestHealthMs)} ms`;
    return `MB in each quarter ${memory}; descriptors ${descriptors}; ${health}`;
  }

  async #healthMs(): Promise<number | undefined> {
    const before = performance.now();
    try {
      const answer = await fetch(`${this.#url}/healthz`, { signal: AbortSignal.timeout(patienceMs) });
      await answer.arrayBuffer();
      return answer.ok ? performance.now() - before : undefined;
    } catch {
      return undefined;
    }
  }
}

export function expectNoGrowth(watches: readonly Watch[]): void {
  const [early, late] = [
    watches.map((watch) => watch.medians(0.25, 0.5)),
    watches.map((watch) => watch.medians(0.75, 1)),
  ];
  for (const [index, { residentBytes }] of late.entries()) {
    expect(residentBytes).toBeLessThan((early[index]?.residentBytes ?? 0) * maxGrowth.ratio + maxGrowth.bytes);
  }
  const all = (of: readonly { descriptors: number }[]) => of.reduce((sum, { descriptors }) => sum + descriptors, 0);
  expect(all(late)).toBeLessThan(all(early) + maxMoreDescriptors);
  for (const watch of watches) expect(watch.longestHealthMs).toBeLessThan(longestHealthMs);
}
