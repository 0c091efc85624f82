/** Declares where a verb finds the server that it asks, and the token that it shows there. */
import { Option } from 'commander';
import { openSecrets } from '../../../system/files/open-secrets.ts';
import type { CommandLine } from '../command-line.ts';
import type { TokenSource } from '../token-source.ts';

/** `--server`, `--token-file` and `--token-command`, which the environment may give, too. */
export function addressOptions(whatFor: string): [server: Option, tokenFile: Option, tokenCommand: Option] {
  return [
    new Option('--server <url>', whatFor).env('SLIPWAY_SERVER'),
    new Option('--token-file <file>', 'file with the token for it').env('SLIPWAY_TOKEN_FILE'),
    new Option('--token-command <command>', 'command that prints the token, where there is no file').env(
      'SLIPWAY_TOKEN_COMMAND',
    ),
  ];
}

export async function warnOfOpenToken(line: CommandLine, { tokenFile }: TokenSource): Promise<void> {
  for (const { file, mode } of await openSecrets([tokenFile])) {
    line.say(`Other accounts may read the token in ${file} (mode ${mode}); make it 0600.`);
  }
}
