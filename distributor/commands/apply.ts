/** `apply PLACE` sends declarations to a server that takes them by API, and shows what they change. */
import { Command } from 'commander';
import { planAnswerSchema } from '../reconcile/applied-plan.ts';
import type { CommandLine } from './command-line.ts';
import { examples } from './examples.ts';
import { askServer } from './server-client.ts';
import { addressOptions, warnOfOpenToken } from './server-options.ts';

interface ApplyOptions {
  readonly server: string;
  readonly tokenFile: string;
  readonly subject: string;
  readonly dryRun: boolean;
}

export function applyCommand(line: CommandLine): Command {
  const [server, tokenFile] = addressOptions('apply them to this server');
  return new Command('apply')
    .argument('<place>', 'a file, a folder, or a Kustomize folder')
    .description('apply declarations to a server that was started with --rollouts-api')
    .addOption(server.makeOptionMandatory())
    .addOption(tokenFile.makeOptionMandatory())
    .option('--subject <text>', 'what the change is about, for the record', '')
    .option('--dry-run', 'only show what would change', false)
    .addHelpText(
      'after',
      `${examples('apply rollouts/ --server https://updates.example.com --token-file token --dry-run')}

The token needs the scope rollouts:apply. SLIPWAY_SERVER and SLIPWAY_TOKEN_FILE stand for --server and --token-file.
A server with a certificate of your own authority: set NODE_EXTRA_CA_CERTS.`,
    )
    .action((place: string, options: ApplyOptions) => apply(line, place, options));
}

async function apply(line: CommandLine, place: string, options: ApplyOptions): Promise<void> {
  const { server, tokenFile, subject, dryRun } = options;
  await warnOfOpenToken(line, options);
  const snapshot = await line.openSource({ kind: 'files', place, pollSeconds: 60 }).read(undefined);
  const body = { files: await snapshot.files(), subject };
  const path = `/v1/plan${dryRun ? '?dryRun=true' : ''}`;
  const answer = await askServer({ server, tokenFile }, { method: 'PUT', path, body }, planAnswerSchema);
  line.say(dryRun ? 'This would change:' : `${answer.revision} is in force.`);
  line.answer(answer, answer.changes);
}
