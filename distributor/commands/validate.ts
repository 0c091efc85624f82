/** `validate PLACE`: what a pull request runs over declarations before anybody applies them. */
import { Command } from 'commander';
import { type Plan, parsePlan } from '../declaration/plan.ts';
import { type Kind, readDocuments } from '../declaration/read-documents.ts';
import { schemaKinds } from '../declaration/schemas.ts';
import type { CommandLine } from './command-line.ts';

export function validateCommand(line: CommandLine): Command {
  return new Command('validate')
    .argument('<place>', 'a file, a folder, or a Kustomize folder')
    .description('check declarations: each mistake with file, line, column, reason and fix')
    .addHelpText(
      'after',
      `
Examples:
  slipway-distributor validate rollouts/
  slipway-distributor validate rollouts/overlays/production --json

It ends with 3 when something is wrong; with --json the problems are in error.problems.`,
    )
    .action(async (place: string) => {
      const snapshot = await line.openSource({ kind: 'files', place, pollSeconds: 60 }).read(undefined);
      const files = await snapshot.files();
      const plan = parsePlan(files);
      const documents = files.flatMap((file) => readDocuments(file).documents);
      line.answer({ valid: true, ...namesOf(plan) }, countText(documents.map(({ kind }) => kind)));
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
