/** Writes the log of a server: lines of JSON on stderr, without a token in any of them. */
import { type Logger, pino } from 'pino';
import { openSecrets } from '../../system/files/open-secrets.ts';
import { withoutTokens } from '../http/redaction.ts';
import type { ServeOptions } from './options/serve-options.ts';

export function openLog(level: string): Logger {
  const output = pino.destination(2);
  const redacting = { write: (line: string) => output.write(withoutTokens(line)) };
  return pino({ level, redact: ['req.headers.authorization'] }, redacting);
}

export async function warnOfOpenSecrets(options: ServeOptions, logger: Logger): Promise<void> {
  const { tlsKey, permitKey, onlineKey = [], passphraseFile, gitCredentials, databasePasswordFile } = options;
  // What systemd hands over is the service's alone by access lists, which show as a mode for a group.
  const { CREDENTIALS_DIRECTORY: handedOver } = process.env;
  const files = [tlsKey, permitKey, ...onlineKey, passphraseFile, gitCredentials, databasePasswordFile];
  const own = files.filter((file) => handedOver === undefined || !file?.startsWith(`${handedOver}/`));
  for (const { file, mode } of await openSecrets(own)) {
    logger.warn({ file, mode }, 'other accounts may read this secret; make it 0600');
  }
}
