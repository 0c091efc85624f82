/**
 * Finds out why a Git server could not be fetched from, as a code. It asks the first question of the smart HTTP
 * protocol itself, since git's words are for people and change.
 */
import { readFile } from 'node:fs/promises';
import { EnvHttpProxyAgent, request } from 'undici';
import { SlipwayError } from '../../../contract/errors.ts';
import type { GitPlace } from '../../reconcile/source-place.ts';
import { authorizationOf } from './credentials.ts';
import type { GitMirror } from './mirror.ts';
import { type GitResult, reasonOf } from './program.ts';

const probeTimeoutMs = 15_000;

/** @param failed what git answered to the fetch */
export async function whyNotFetched(place: GitPlace, mirror: GitMirror, failed: GitResult): Promise<SlipwayError> {
  if (await mirror.lacksBranch()) {
    return new SlipwayError('git-branch-missing', `${place.url} has no branch ${place.branch}`, {
      hint: 'Push the branch, or name another with --git-branch; what was applied last stays in force.',
    });
  }
  const answer = place.url.startsWith('file:') ? undefined : await probe(place);
  if (answer === undefined) return unreachable(place, reasonOf(failed));
  if ('failure' in answer) return unreachable(place, answer.failure);
  const { status, location } = answer;
  if (status === 401 || status === 403) return refused(place, status);
  if (status >= 300 && status < 400) {
    return unreachable(place, `it leads to ${location ?? 'another address'}`, 'Give the address that it leads to.');
  }
  if (status === 404) {
    const hint = 'Check the URL; a server may answer so, too, when the credentials do not reach this repository.';
    return unreachable(place, 'the server answered 404', hint);
  }
  return unreachable(place, status === 200 ? reasonOf(failed) : `the server answered ${status}`);
}

type GitAnswer = { readonly status: number; readonly location: string | undefined } | { readonly failure: string };

async function probe({ url, credentialsFile, caFile }: GitPlace): Promise<GitAnswer> {
  const secret = credentialsFile === undefined ? undefined : await authorizationOf(credentialsFile);
  let agent: EnvHttpProxyAgent | undefined;
  try {
    const ca = caFile === undefined ? undefined : await readFile(caFile, 'utf8');
    agent = new EnvHttpProxyAgent(ca === undefined ? {} : { connect: { ca }, requestTls: { ca } });
    const { statusCode, headers, body } = await request(`${url.replace(/\/$/, '')}/info/refs?service=git-upload-pack`, {
      dispatcher: agent,
      headers: secret === undefined ? {} : { authorization: secret },
      signal: AbortSignal.timeout(probeTimeoutMs),
    });
    body.on('error', () => undefined).destroy();
    const location = headers.location;
    return { status: statusCode, location: Array.isArray(location) ? location[0] : location };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { failure: code ?? message };
  } finally {
    await agent?.destroy();
  }
}

function refused({ url, credentialsFile }: GitPlace, status: number): SlipwayError {
  const given = credentialsFile === undefined ? 'without credentials' : `with those of ${credentialsFile}`;
  return new SlipwayError('git-credentials-refused', `${url} answered ${status} ${given}`, {
    hint: 'Check that --git-credentials names a file with user:password or a token that may read the repository.',
  });
}

function unreachable(
  { url }: GitPlace,
  reason: string,
  hint = 'Check the URL, the network and the server; what was applied last stays in force.',
): SlipwayError {
  return new SlipwayError('git-unreachable', `${url} cannot be fetched: ${reason}`, { hint });
}
