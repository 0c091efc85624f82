/**
 * Objects by what the new program itself says: its version, and K0s' own checks of this box. A check that the
 * installed K0s fails here as well is about the sandbox of the updater and says nothing.
 */
import * as z from 'zod';
import type { ReleaseDistribution } from '../../contract/release/distribution.ts';
import type { ProgramFacts, ProgramRun } from './facts.ts';
import type { Objection } from './objection.ts';
import { objectToFailure } from './program-failure.ts';

export function objectToProgram(stated: ReleaseDistribution, { version, checks }: ProgramFacts): Objection[] {
  const found = [objectToVersion(stated, version), ...checks.map(objectToCheck)];
  return found.filter((objection) => objection !== undefined);
}

function objectToVersion({ name, version }: ReleaseDistribution, run: ProgramRun): Objection | undefined {
  const failure = objectToFailure(run, `${name} --version`);
  if (failure) return failure;
  const said = run.kind === 'ended' ? versionIn(run.stdout) : undefined;
  if (said === version) return undefined;
  return {
    code: 'program-broken',
    message: `the program of the release says ${said === undefined ? 'no version' : `it is ${said}`}, expected ${name} ${version}`,
    hint: 'Publish a release with the program that it names.',
  };
}

/** `k3s version v1.33.9+k3s1 (hash)`, `v1.33.9+k0s.0` */
function versionIn(text: string): string | undefined {
  return /^(?:k3s version )?v?(\d+\.\d+\.\d+\S*)/m.exec(text)?.[1];
}

function objectToCheck({ command, next, installed }: ProgramFacts['checks'][number]): Objection | undefined {
  const known = new Set(refusalsOf(command, installed));
  const refusals = refusalsOf(command, next).filter((refusal) => !known.has(refusal));
  if (refusals.length === 0) return undefined;
  return {
    code: 'box-refused',
    message: `k0s ${command} of the release refuses this box: ${refusals.join(', ')}`.slice(0, 800),
    hint: `Look at what it names; run the program of the release with ${command} to see all of it.`,
  };
}

/** A `Probe` of cmd/sysinfo of K0s; what is not JSON of that shape is of an older K0s and refuses nothing. */
const probesSchema = z.array(
  z.object({
    DisplayName: z.string(),
    Prop: z.string().nullish(),
    Message: z.string().nullish(),
    Category: z.string(),
  }),
);

function refusalsOf(command: 'sysinfo' | 'config validate', run: ProgramRun): string[] {
  if (run.kind !== 'ended') return [];
  if (command === 'config validate') {
    return run.status === 0
      ? []
      : [
          run.stderr
            .trim()
            .split('\n')
            .at(-1)
            ?.replace(/^Error: /, '') ?? 'no reason',
        ];
  }
  const parsed = probesSchema.safeParse(jsonIn(run.stdout));
  if (!parsed.success) return [];
  return parsed.data
    .filter(({ Category }) => /^(rejected|error)$/i.test(Category))
    .map(({ DisplayName, Prop, Message }) => [DisplayName, Prop, Message].filter(Boolean).join(': '));
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
