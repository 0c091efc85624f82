/** `validate PLACE` checks declarations in a pull request, before anybody applies them. */
import { Command } from 'commander';
import { type Plan, parsePlan } from '../declaration/plan.ts';
import { PlanError, problemText } from '../declaration/problem.ts';
import { type Kind, readDocuments } from '../declaration/read-documents.ts';
import { schemaKinds } from '../declaration/schemas.ts';
import type { CommandLine } from './command-line.ts';
import { examples } from './examples.ts';
import { emptinessIn } from './fleet-check.ts';
import { readFleet } from './fleet-file.ts';

export function validateCommand(line: CommandLine): Command {
  return new Command('validate')
    .argument('<place>', 'a file, a folder, or a Kustomize folder')
    .description('check declarations: each mistake with file, line, column, reason and fix')
    .option('--fleet <file>', 'also name groups that no device of this file is in, as device ls --json writes it')
    .addHelpText(
      'after',
      examples(
        'validate rollouts/',
        'validate rollouts/overlays/production --json',
        'device ls --json > fleet.json && slipway-distributor validate rollouts/ --fleet fleet.json',
      ),
    )
    .addHelpText(
      'after',
      `
It ends with 3 when something is wrong; with --json the problems are in error.problems. With --fleet a rollout that nobody
is there for is wrong, unless it says allowEmpty: true; a group that no rollout needs is a warning.`,
    )
    .action(async (place: string, { fleet }: { readonly fleet?: string }) => {
      const snapshot = await line.openSource({ kind: 'files', place, pollSeconds: 60 }).read(undefined);
      const files = await snapshot.files();
      const plan = parsePlan(files);
      const documents = files.flatMap((file) => readDocuments(file).documents);
      const empty = fleet === undefined ? [] : emptinessIn(documents, plan, await readFleet(fleet));
      const warnings = empty.filter(({ isNeeded }) => !isNeeded).map(({ problem }) => problem);
      for (const warning of warnings) line.say(`warning: ${problemText(warning)}`);
      const problems = empty.filter(({ isNeeded }) => isNeeded).map(({ problem }) => problem);
      if (problems.length > 0) throw new PlanError(problems);
      const answer = { valid: true, ...namesOf(plan), ...(fleet === undefined ? {} : { warnings }) };
      line.answer(answer, countText(documents.map(({ kind }) => kind)));
    });
}

function namesOf({ groups, rollouts }: Plan) {
  const names = (items: readonly { readonly name: string }[]) => items.map(({ name }) => name);
  return { groups: names(groups), rollouts: names(rollouts) };
}

function countText(kinds: readonly Kind[]): string {
  const counts = schemaKinds.map((kind) => count(kinds.filter((other) => other === kind).length, kind));
  return `${counts.join(', ')}: valid.`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
