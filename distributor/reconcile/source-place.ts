/** Names where the declarations are, as an operator does: files of this machine, or a branch of a Git repository. */
import { SlipwayError } from '../../contract/errors.ts';
import { refuseInTheClear } from '../../system/network/transport.ts';

export type SourcePlace = ({ readonly kind: 'files' } & FilesPlace) | ({ readonly kind: 'git' } & GitPlace);

export interface FilesPlace {
  /** A file, a folder, or a Kustomize folder. */
  readonly place: string;
  /** How often it is looked at besides when the system tells of a change. */
  readonly pollSeconds: number;
}

export interface GitPlace {
  /** `https:`, `http:` or `file:`, without credentials. */
  readonly url: string;
  readonly branch: string;
  /** Folder or file inside the repository with `/` between names, no leading or trailing one; empty for all of it. */
  readonly path: string;
  readonly pollSeconds: number;
  /** A file with `user:password` or a token in one line; read again before each use, so that it can be rotated. */
  readonly credentialsFile: string | undefined;
  /** PEM certificates that the server's is checked against instead of those of the system. */
  readonly caFile: string | undefined;
  /** Folder of this machine that copies of repositories are kept in. */
  readonly mirrors: string;
}

const schemes = ['https:', 'http:', 'file:'];
/** What `git check-ref-format` allows and no refspec gives a meaning of its own. */
const branchPattern = /^(?![-/.])(?!.*(\.\.|\/\/|\/\.|@\{|\.lock(\/|$)))[A-Za-z0-9._/@+=,%#-]+(?<![./])$/;

/**
 * @returns the same place, its path in one form
 * @throws SlipwayError `usage`, `transport-insecure`
 */
export function checkGitPlace(place: GitPlace): GitPlace {
  const url = parseUrl(place.url);
  if (place.credentialsFile !== undefined && url.protocol !== 'file:') {
    const hint = 'Use https, with --git-ca where the certificate is of your own authority.';
    refuseInTheClear(url, 'the credentials', hint);
  }
  if (!branchPattern.test(place.branch))
    throw new SlipwayError('usage', `"${place.branch}" is not the name of a branch`);
  return { ...place, url: url.href, path: normalPath(place.path) };
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !schemes.includes(url.protocol)) {
    throw new SlipwayError('usage', 'expected the URL of a Git repository by https, http or file', {
      hint: 'Write https://git.example.com/fleet.git or file:///srv/git/fleet.git.',
    });
  }
  if (url.username !== '' || url.password !== '') {
    // Without the URL in the message: it holds the secret.
    throw new SlipwayError('usage', 'expected a URL without credentials: those in it end up in logs', {
      hint: 'Put user:password or a token into a file and give it as --git-credentials.',
    });
  }
  if (url.search !== '' || url.hash !== '') throw new SlipwayError('usage', 'expected a URL without query or fragment');
  return url;
}

function normalPath(text: string): string {
  const names = text.split('/').filter((name) => name !== '' && name !== '.');
  if (names.includes('..')) {
    throw new SlipwayError('usage', `"${text}" leads out of the repository`, { hint: 'Write it without "..".' });
  }
  return names.join('/');
}

/** For logs and messages: `https://git.example.com/fleet.git main:rollouts`. */
export function describeGitPlace({ url, branch, path }: GitPlace): string {
  return `${url} ${branch}${path === '' ? '' : `:${path}`}`;
}
