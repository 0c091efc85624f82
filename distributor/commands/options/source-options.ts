/** Declares where `serve` takes rollouts from: exactly one of files, a Git repository and the API. */
import path from 'node:path';
import { type Command, Option } from 'commander';
import { SlipwayError } from '../../../contract/errors.ts';
import type { SourcePlace } from '../../reconcile/source-place.ts';
import { parseLifetime } from '../lifetime.ts';

export interface SourceOptions {
  readonly rollouts?: string;
  readonly rolloutsGit?: string;
  readonly gitBranch?: string;
  readonly gitPath?: string;
  /** Seconds. */
  readonly gitPoll?: number;
  readonly gitCredentials?: string;
  readonly gitCa?: string;
  readonly gitAllowRewrite?: boolean;
  readonly rolloutsApi?: boolean;
}

const defaultBranch = 'main';
const defaultPollSeconds = 30;

export function addSourceOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--rollouts <place>', 'a file, a folder or a Kustomize folder; read again when it changes').env(
        'SLIPWAY_ROLLOUTS',
      ),
    )
    .addOption(
      new Option('--rollouts-git <url>', 'or a Git repository: https://, http:// or file://').env(
        'SLIPWAY_ROLLOUTS_GIT',
      ),
    )
    .option('--git-branch <name>', `its branch (default: "${defaultBranch}")`)
    .option('--git-path <path>', 'the folder in it (default: all of it)')
    .option('--git-poll <duration>', `how often it is fetched (default: ${defaultPollSeconds}s)`, parseLifetime)
    .option('--git-credentials <file>', 'one line, user:password or a token; read again before each use')
    .option('--git-ca <file>', 'certificates, PEM, that the server is checked against')
    .option('--git-allow-rewrite', 'take a commit that does not build on the one in force')
    .option('--rollouts-api', 'or by API: plans come with PUT /v1/plan and slipway-distributor apply');
}

const gitOnly = ['gitBranch', 'gitPath', 'gitPoll', 'gitCredentials', 'gitCa', 'gitAllowRewrite'] as const;

/**
 * @param fallback of serve: folder that mirrors are kept in, and how often files are looked at, seconds
 * @returns undefined where plans come by API
 * @throws SlipwayError `usage`
 */
export function sourcePlaceOf(
  options: SourceOptions,
  fallback: { readonly state: string; readonly refresh: number },
): SourcePlace | undefined {
  const { rollouts, rolloutsGit, rolloutsApi = false } = options;
  const given = [rollouts !== undefined, rolloutsGit !== undefined, rolloutsApi].filter(Boolean).length;
  if (given !== 1) {
    throw new SlipwayError('usage', `expected one of --rollouts, --rollouts-git and --rollouts-api, got ${given}`, {
      hint: 'Rollouts come from one place: files, a Git repository, or the API.',
    });
  }
  const misplaced = gitOnly.find((name) => options[name] !== undefined);
  if (rolloutsGit === undefined && misplaced !== undefined) {
    const flag = misplaced.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new SlipwayError('usage', `--${flag} means nothing without --rollouts-git`);
  }
  if (rollouts !== undefined) return { kind: 'files', place: rollouts, pollSeconds: fallback.refresh };
  if (rolloutsGit === undefined) return undefined;
  return {
    kind: 'git',
    url: rolloutsGit,
    branch: options.gitBranch ?? defaultBranch,
    path: options.gitPath ?? '',
    pollSeconds: options.gitPoll ?? defaultPollSeconds,
    credentialsFile: options.gitCredentials,
    caFile: options.gitCa,
    mirrors: path.join(fallback.state, 'git'),
  };
}
