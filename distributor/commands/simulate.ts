/**
 * `simulate PLACE` shows what a plan would do to a fleet, by the decisions that the server makes, before anybody merges
 * it.
 */
import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import { lengthText } from '../../system/command-line/times.ts';
import { parsePlan } from '../declaration/plan.ts';
import { problemText } from '../declaration/problem.ts';
import { readDocuments } from '../declaration/read-documents.ts';
import { distributionOf } from '../simulation/distribution.ts';
import { logTo } from '../simulation/log.ts';
import { type Simulated, type SimulationInput, simulate } from '../simulation/simulate.ts';
import { grouped, svgOf } from '../simulation/svg.ts';
import type { CommandLine } from './command-line.ts';
import { examples } from './examples.ts';
import { emptinessIn } from './fleet-check.ts';
import { readFleet } from './fleet-file.ts';
import { type SimulationOptions, usualSpeed, withSimulationOptions } from './options/simulation-options.ts';
import { distributionText } from './text/distribution-text.ts';
import { simulationText } from './text/simulation-text.ts';

const usualPollSeconds = 15 * 60;

export function simulateCommand(line: CommandLine): Command {
  const command = new Command('simulate')
    .argument('<place>', 'a file, a folder, or a Kustomize folder')
    .description('run the declared rollouts over a made-up fleet: how long, how many, and when it stops');
  return withSimulationOptions(command)
    .addHelpText('after', help)
    .action((place: string, options: SimulationOptions) => run(line, place, options));
}

const help = `${examples(
  'simulate infra/rollouts/example --devices 10000 --offline 30% --failure-rate 0.5%',
  'simulate infra/rollouts/example --devices 10000 --failure-rate 20% --svg timeline.svg',
  'simulate infra/rollouts/example --devices 500 --expect completed --json',
  'simulate infra/rollouts/example --devices 2000 --runs 200 --failure-rate 0.5%,2%,5%,10%',
)}

It ends with 0 whatever comes of it, with 8 when --expect names another outcome: completed, aborted, or stalled, which
is everything that neither completed nor aborted. The same plan, options and seed give the same bytes. With --fleet it
warns of groups that no device is in, each with the condition and the nearest label that the fleet has.

With --runs it prints how often a release that fails on this share of the devices gets through, the median and the 95th
percentile of the most devices that ran it at once, and how long it took; --expect then means every run.

Devices are made up so that each group of the plan has members, in equal shares where groups exclude each other, with
one to three devices a site and cluster where the plan speaks of sites, clusters or roles. Before it starts they run a
release before the first that the plan names; a channel means a release of its own. Of the devices out of reach, half
are never heard of and half fall silent after an offer, for one to fourteen days or for ever. Of the devices that fail,
one in ten commits first and falls back within a day. One in forty is six times as slow. Checks of gates (prometheus,
http) are taken to pass. Counts are those of a day after the last rollout ended.

A device whose answer cannot change before a campaign changes or a known time comes is not asked until then, and asks
at its own next check from there on. That gives the same result as asking each time; --every-check does the latter.`;

async function run(line: CommandLine, place: string, options: SimulationOptions): Promise<void> {
  const snapshot = await line.openSource({ kind: 'files', place, pollSeconds: 60 }).read(undefined);
  const files = await snapshot.files();
  const plan = parsePlan(files);
  const names = plan.rollouts.map(({ name }) => name);
  if (names.length === 0) {
    throw new SlipwayError('document-invalid', `${place} declares no rollout`, { hint: 'Declare one to simulate it.' });
  }
  for (const name of [options.rollout, ...options.act.map(({ rollout }) => rollout)]) {
    if (name === undefined || names.includes(name)) continue;
    throw new SlipwayError('rollout-unknown', `${place} declares no rollout ${name}`, {
      hint: `It declares ${names.join(', ')}.`,
    });
  }
  const { start } = options;
  const fleet = options.fleet === undefined ? options.devices : await readFleet(options.fleet);
  if (typeof fleet !== 'number') {
    const documents = files.flatMap((file) => readDocuments(file).documents);
    for (const { problem } of emptinessIn(documents, plan, fleet)) line.say(`warning: ${problemText(problem)}`);
  }
  const input: Omit<SimulationInput, 'failureRate'> = {
    plan,
    fleet,
    start,
    seed: options.seed,
    rollout: options.rollout,
    actions: options.act,
    offline: options.offline,
    speeds: options.speed ?? [usualSpeed],
    updateBytes: options.size,
    updateSeconds: options.updateTime,
    forSeconds: options.for,
    pollSeconds: options.poll ?? plan.fleet.pollSeconds ?? usualPollSeconds,
    asksAlways: options.everyCheck,
  };
  if (options.runs !== undefined) return runMany(line, input, options, options.runs);
  const [failureRate = 0, ...more] = options.failureRate;
  if (more.length > 0) {
    throw new SlipwayError('usage', 'several failure rates need --runs', { hint: 'Give one, or add --runs 200.' });
  }
  await runOnce(line, { ...input, failureRate }, options);
}

async function runOnce(line: CommandLine, input: SimulationInput, options: SimulationOptions): Promise<void> {
  const { start } = input;
  const depth = options.log === true ? 'transitions' : options.log;
  const began = line.clock();
  const simulated = await simulate(input, {
    ...(depth === undefined ? {} : logTo(line.say, depth, start)),
    progress: (now) => line.progress(`simulated ${lengthText((now - start) / 1000)}`),
  });
  const { result } = simulated;
  const took = (line.clock() - began) / 1000;
  line.progress(undefined);
  line.say(`${grouped(simulated.decisions)} decisions in ${took.toFixed(1)} s.`);
  if (options.svg !== undefined) await draw(options.svg, simulated, start);
  line.answer(result, simulationText(result));
  if (options.expect === undefined || options.expect === result.outcome) return;
  throw new SlipwayError(
    'outcome-unexpected',
    `expected ${result.rollout} ${options.expect}, it ${verb(result.outcome)}`,
    {
      hint: 'Read the reason above; change the plan, or what is expected of it.',
    },
  );
}

async function runMany(
  line: CommandLine,
  input: Omit<SimulationInput, 'failureRate'>,
  { failureRate: failureRates, expect, log, svg }: SimulationOptions,
  runs: number,
): Promise<void> {
  if (log !== undefined || svg !== undefined) {
    throw new SlipwayError('usage', '--log and --svg are of one run', {
      hint: 'Leave out --runs, and give the --seed.',
    });
  }
  const progress = (done: number, all: number) => line.progress(`${grouped(done)} of ${grouped(all)} runs`);
  const found = await distributionOf({ input, failureRates, runs, progress });
  line.progress(undefined);
  line.answer(found, distributionText(found));
  const other = expect && found.rates.find(({ outcomes }) => outcomes[expect] < runs);
  if (!expect || !other) return;
  const { outcomes, failureRate } = other;
  throw new SlipwayError(
    'outcome-unexpected',
    `expected ${found.rollout} ${expect} in every run; with ${failureRate * 100} % bad in ${outcomes[expect]} of ${runs}`,
    { hint: 'Run one of the seeds alone with --log; change the plan, or what is expected of it.' },
  );
}

async function draw(file: string, { result, timeline }: Simulated, start: number): Promise<void> {
  const samples = timeline.of(result.rollout);
  const last = samples.at(-1)?.at ?? start;
  // A little of what comes after the end, at least what devices have under way then.
  const shown = start + Math.max(result.finishedAfterSeconds * 1150, result.finishedAfterSeconds * 1000 + 3 * 3600_000);
  try {
    await writeFile(file, svgOf({ result, samples, start, end: Math.min(last, shown) }));
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new SlipwayError('io-error', `${file} cannot be written: ${reason}`, { cause });
  }
}

function verb(outcome: string): string {
  return outcome === 'aborted' ? 'was aborted' : outcome;
}
