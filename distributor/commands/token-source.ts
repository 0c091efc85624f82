/** Finds the token that a verb shows to a server: in a file, or as the output of a command that knows how to get one. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { SlipwayError } from '../../contract/errors.ts';
import { readTokenFile } from './token-file.ts';

export interface TokenSource {
  /** A file that holds it; wins over the command. */
  readonly tokenFile?: string | undefined;
  /** A command of the shell that prints it; run again for each request, so that it may renew it. */
  readonly tokenCommand?: string | undefined;
}

const run = promisify(execFile);
/** A person may have to answer it. */
const timeoutMs = 300_000;
const maxPrintedBytes = 64 * 1024;

/** @throws SlipwayError `usage`, `key-unreadable` */
export async function tokenFrom({ tokenFile, tokenCommand }: TokenSource): Promise<string> {
  if (tokenFile !== undefined) return readTokenFile(tokenFile);
  if (tokenCommand === undefined) {
    throw new SlipwayError('usage', 'expected --token-file or --token-command beside --server', {
      hint: 'Make a token with slipway-distributor token create on the server’s machine, or sign in with slipway-distributor login.',
    });
  }
  const options = { timeout: timeoutMs, maxBuffer: maxPrintedBytes };
  const ran = await run('/bin/sh', ['-c', tokenCommand], options).catch(
    (cause: { code?: unknown; stderr?: string }) => {
      const said = (cause.stderr ?? '').trim().split('\n').at(-1) ?? '';
      const how = `${cause.code ?? 'it took too long'}${said === '' ? '' : `: ${said.slice(0, 300)}`}`;
      throw new SlipwayError('key-unreadable', `the command for the token failed with ${how}`, {
        cause,
        hint: 'Run the command of --token-command (or SLIPWAY_TOKEN_COMMAND) by itself: it prints a token and nothing else.',
      });
    },
  );
  const token = ran.stdout.trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new SlipwayError('key-unreadable', 'the command for the token did not print a token', {
    hint: 'It prints a token and nothing else.',
  });
}
