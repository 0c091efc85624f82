/** `login` signs a person in at the issuer that a server names, and keeps the token in the file of --token-file. */
import { Command } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import { printable } from '../../system/command-line/printable.ts';
import { replaceFile } from '../../system/files/durable-file.ts';
import { type LoginPlace, loginViewSchema } from '../people/login-view.ts';
import type { CommandLine } from './command-line.ts';
import { examples } from './examples.ts';
import { addressOptions } from './options/server-options.ts';
import { askServer } from './server-client.ts';

interface LoginOptions {
  readonly server: string;
  readonly tokenFile: string;
  readonly issuer?: string;
}

export function loginCommand(line: CommandLine): Command {
  const [server, tokenFile] = addressOptions('sign in for this server');
  return new Command('login')
    .description('sign in at the issuer of a server, in a browser on any machine')
    .addOption(server.makeOptionMandatory())
    .addOption(tokenFile.makeOptionMandatory())
    .option('--issuer <url>', 'which issuer, where the server has several')
    .addHelpText(
      'after',
      `${examples('login --server https://updates.example.com --token-file ~/.slipway-token')}

It shows an address and a code, waits until somebody has confirmed the code there, and writes the token into the file,
readable for you alone. When the token has ended, sign in again.`,
    )
    .action((options: LoginOptions) => login(line, options));
}

async function login(line: CommandLine, { server, tokenFile, issuer }: LoginOptions): Promise<void> {
  const question = { method: 'GET', path: '/v1/login', isOpen: true } as const;
  const place = placeOf((await askServer({ server }, question, loginViewSchema)).issuers, issuer);
  const { token, expiresInSeconds } = await line.personLogin.signIn(place, ({ url, code }) => {
    line.say(`Open ${printable(url)} in a browser and confirm the code ${printable(code)}.`);
  });
  await replaceFile(tokenFile, Buffer.from(`${token}\n`), { mode: 0o600 });
  const ends = expiresInSeconds === undefined ? {} : { expiresInSeconds };
  const lasts = expiresInSeconds === undefined ? '' : ` for ${Math.round(expiresInSeconds / 60)} min`;
  line.answer({ issuer: place.issuer, tokenFile, ...ends }, `Signed in at ${place.issuer}${lasts}.`);
}

/** @throws SlipwayError `usage` */
function placeOf(places: readonly LoginPlace[], wanted: string | undefined): LoginPlace {
  const [place, second] = wanted === undefined ? places : places.filter(({ issuer }) => issuer === wanted);
  if (place && !second) return place;
  const known = places.map(({ issuer }) => issuer).join(', ');
  if (known === '') {
    throw new SlipwayError('usage', 'nobody can sign in at this server', {
      hint: 'Give the issuer a login in the file of serve --people, or use a token.',
    });
  }
  throw new SlipwayError('usage', `expected --issuer, one of ${known}`);
}
