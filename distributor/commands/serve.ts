/** `serve` runs the server, whose code is loaded by this verb alone: its framework takes a third of a start. */
import { Command, Option } from 'commander';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { type CommandLine, withStateOptions } from './command-line.ts';
import { examples } from './examples.ts';
import { parseCount, parseLifetime } from './lifetime.ts';
import { addAcceptanceOptions } from './options/acceptance-options.ts';
import { addReadingOptions } from './options/reading-options.ts';
import { addRetentionOptions } from './options/retention-options.ts';
import { parseListen, type ServeOptions } from './options/serve-options.ts';
import { addSourceOptions } from './options/source-options.ts';

export function serveCommand(line: CommandLine): Command {
  const command = addReadingOptions(addSourceOptions(withStateOptions(new Command('serve'))));
  return addAcceptanceOptions(addRetentionOptions(command))
    .description('serve metadata and blobs, answer devices, run rollouts')
    .addOption(
      new Option('--store <url>', 's3://bucket/prefix, a folder, or its file:// URL')
        .env('SLIPWAY_STORE')
        .makeOptionMandatory(),
    )
    .addOption(new Option('--listen <address>', 'host:port; port 0 takes a free one').default('127.0.0.1:8443'))
    .option('--metrics-listen <address>', '/metrics in plain HTTP on an address of its own, and nowhere else')
    .option('--tls-cert <file>', 'certificate chain, PEM; read again when it changes')
    .option('--tls-key <file>', 'its key, PEM')
    .option(
      '--permit-key <file>',
      'key that sends devices of an aborted rollout back: a PEM, a sealed key, or env:NAME',
    )
    .option(
      '--online-key <source...>',
      'sign snapshot and timestamp again by itself: keys as those of slipway-packager --key',
    )
    .option('--passphrase-file <file>', 'with the passphrase of a sealed online key')
    .option('--root <file>', 'with --online-key: the root that devices pin')
    .option('--people <file>', 'issuers of OpenID Connect that vouch for people, and what their claims give')
    .option('--behind-proxy', 'plain HTTP on any address: a proxy in front speaks TLS', false)
    .option('--trust-proxy', 'believe X-Forwarded-For; only behind a proxy that sets it', false)
    .option('--redirect-blobs', 'send clients to presigned URLs of the store instead of streaming', false)
    .option(
      '--accel-redirect <prefix>',
      'let nginx in front send blobs: its internal location of the store, as /slipway-store/',
    )
    .option(
      '--max-downloads <n>',
      'blobs sent at once; more get 503 (default: half of the connections, at most 2000)',
      parseCount,
    )
    .option('--check-limit <n>', 'checks and reports a minute and device', parseCount, 60)
    .option('--enrol-limit <n>', 'enrolments a minute and address', parseCount, 30)
    .option('--refresh <duration>', 'how often store and rollouts are looked at', parseLifetime, 15)
    .option('--poll-after <duration>', 'tell devices when to check again', parsePollAfter)
    .addOption(
      new Option('--log-level <level>', 'what is logged on stderr')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .addHelpText(
      'after',
      `${examples(
        'serve --store file:///srv/slipway --rollouts ./rollouts --state ./state',
        `serve --store s3://releases/edge \\
    --rollouts-git https://git.example.com/fleet.git --git-path rollouts --git-credentials /etc/slipway/git \\
    --listen 0.0.0.0:8443 --tls-cert tls.crt --tls-key tls.key --redirect-blobs`,
      )}

S3 takes credentials from the environment; another service than Amazon's by AWS_ENDPOINT_URL_S3 or ?endpoint=… in the URL.
S3, Git and the checks of gates go through HTTPS_PROXY (HTTP_PROXY for plain HTTP) unless NO_PROXY names their host.
The address is printed on stdout when the server listens; with --json as {"listening":"http://…"}, and "metrics" beside it.`,
    )
    .action(async ({ listen: address, metricsListen, ...given }: Given) => {
      const options = {
        ...given,
        listen: parseListen(address),
        ...(metricsListen === undefined ? {} : { metricsListen: parseListen(metricsListen) }),
      };
      const { runServer } = await import('./run-server.ts');
      await runServer(line, options);
    });
}

type Given = Omit<ServeOptions, 'listen' | 'metricsListen'> & { listen: string; metricsListen?: string };

function parsePollAfter(text: string): number {
  const seconds = parseLifetime(text);
  if (seconds >= limits.minPollSeconds && seconds <= limits.maxPollSeconds) return seconds;
  throw new SlipwayError('usage', `${text} is outside ${limits.minPollSeconds} s to ${limits.maxPollSeconds} s`);
}
