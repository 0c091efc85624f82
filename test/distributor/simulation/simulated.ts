/** Runs the verb `simulate` on declarations given as text, without a file, a store or a database. */

import type { CommandLine } from '../../../distributor/commands/command-line.ts';
import { simulateCommand } from '../../../distributor/commands/simulate.ts';
import type { SourceFile } from '../../../distributor/declaration/plan.ts';
import { parsePlan } from '../../../distributor/declaration/plan.ts';
import type { SimulationResult } from '../../../distributor/simulation/result.ts';
import type { SimulationInput } from '../../../distributor/simulation/simulate.ts';

export interface Said {
  readonly json: SimulationResult;
  readonly text: string;
  /** Lines for people, beside the answer. */
  readonly lines: readonly string[];
  readonly thrown: unknown;
}

/** @param words as after `simulate`, without the place */
export async function runSimulate(plan: string, words: readonly string[]): Promise<Said> {
  let answered: { json: unknown; text: string } | undefined;
  const lines: string[] = [];
  const files: readonly SourceFile[] = [{ name: 'plan.yaml', text: plan }];
  const line: Partial<CommandLine> = {
    openSource: () => ({
      location: 'plan.yaml',
      isRemote: false,
      read: async () => ({
        ...{ revision: 'none', author: '', subject: '', committedAt: undefined, ancestry: 'same' as const },
        files: async () => files,
      }),
      watch: () => () => {},
    }),
    clock: () => 0,
    answer: (json, text) => {
      answered = { json, text };
    },
    say: (text) => lines.push(text),
    progress: () => {},
  };
  const command = simulateCommand(line as CommandLine)
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  let thrown: unknown;
  try {
    await command.parseAsync(['plan.yaml', ...words], { from: 'user' });
  } catch (error) {
    thrown = error;
  }
  return { json: answered?.json as SimulationResult, text: answered?.text ?? '', lines, thrown };
}

/** Everything but the plan has a usual value. */
export function inputOf(plan: string, more: Partial<SimulationInput> = {}): SimulationInput {
  return {
    ...{ plan: parsePlan([{ name: 'plan.yaml', text: plan }]), fleet: 100, seed: 1, rollout: undefined, actions: [] },
    ...{ failureRate: 0, offline: 0, speeds: [8], updateBytes: 5e6, updateSeconds: 1200, pollSeconds: 900 },
    ...{ start: Date.UTC(2026, 0, 5), forSeconds: 90 * 86_400, asksAlways: false },
    ...more,
  };
}

/** A rollout over the whole product. @param spec further lines of its spec, as flow or block YAML of two spaces */
export function rolloutText(spec: string): string {
  return `apiVersion: slipway/v1
kind: Rollout
metadata: {name: edge}
spec:
  product: k3s-edge
  release: 1.33.9+k3s1
${spec}`;
}
