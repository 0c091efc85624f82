/** `apply PLACE` sends declarations to a server that takes them by API, and shows what they change. */
import { Command } from 'commander';
import { planAnswerSchema } from '../reconcile/applied-plan.ts';
import type { CommandLine } from './command-line.ts';
import { examples } from './examples.ts';
import { addressOptions, warnOfOpenToken } from './options/server-options.ts';
import { askServer, type ServerAddress } from './server-client.ts';

interface ApplyOptions extends ServerAddress {
  readonly subject: string;
  readonly dryRun: boolean;
}

export function applyCommand(line: CommandLine): Command {
  const [server, ...tokens] = addressOptions('apply them to this server');
  const command = new Command('apply')
    .argument('<place>', 'a file, a folder, or a Kustomize folder')
    .description('apply declarations to a server that was started with --rollouts-api')
    .addOption(server.makeOptionMandatory())
    .option('--subject <text>', 'what the change is about, for the record', '')
    .option('--dry-run', 'only show what would change', false)
    .addHelpText(
      'after',
      `${examples('apply rollouts/ --server https://updates.example.com --token-file token --dry-run')}

The token needs the scope rollouts:apply. SLIPWAY_SERVER, SLIPWAY_TOKEN_FILE and SLIPWAY_TOKEN_COMMAND stand for the options.
A server with a certificate of your own authority: set NODE_EXTRA_CA_CERTS.`,
    )
    .action((place: string, options: ApplyOptions) => apply(line, place, options));
  return tokens.reduce((all, option) => all.addOption(option), command);
}

async function apply(line: CommandLine, place: string, options: ApplyOptions): Promise<void> {
  const { subject, dryRun } = options;
  await warnOfOpenToken(line, options);
  const snapshot = await line.openSource({ kind: 'files', place, pollSeconds: 60 }).read(undefined);
  const body = { files: await snapshot.files(), subject };
  const path = `/v1/plan${dryRun ? '?dryRun=true' : ''}`;
  const answer = await askServer(options, { method: 'PUT', path, body }, planAnswerSchema);
  line.say(dryRun ? 'This would change:' : `${answer.revision} is in force.`);
  line.answer(answer, answer.changes);
}
