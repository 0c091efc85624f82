/**
 * Reads declarations from a Git repository: one branch is polled, its newest commit is read without a work tree of its
 * own. Whether a commit is taken is not decided here.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sha256 } from '../../../contract/digest.ts';
import { toSlipwayError } from '../../../contract/errors.ts';
import type { SourceFile } from '../../declaration/plan.ts';
import type { Ancestry, DeclarationSource, SourceSnapshot } from '../../reconcile/ports.ts';
import { checkGitPlace, describeGitPlace, type GitPlace } from '../../reconcile/source-place.ts';
import { readDeclarations } from '../declarations/declaration-folder.ts';
import { layOut } from './checkout.ts';
import { type Commit, GitMirror } from './mirror.ts';
import { type GitBounds, gitBounds } from './program.ts';

/** Servers that were started together do not ask together. */
const pollJitter = 0.2;

/** @throws SlipwayError `usage`, `transport-insecure` */
export function gitSource(given: GitPlace, env: NodeJS.ProcessEnv, bounds: GitBounds = gitBounds): DeclarationSource {
  const place = checkGitPlace(given);
  const name = sha256(new TextEncoder().encode(place.url)).slice(0, 16);
  const folder = path.resolve(place.mirrors, name);
  const mirror = new GitMirror(place, folder, env, bounds);
  return {
    location: describeGitPlace(place),
    isRemote: true,
    read: async (applied) => {
      try {
        let failed = await mirror.fetch();
        if (failed && (await mirror.isDamaged())) {
          await mirror.discard();
          failed = await mirror.fetch();
        }
        if (failed) {
          const { whyNotFetched } = await import('./diagnosis.ts');
          throw await whyNotFetched(place, mirror, failed);
        }
        return await snapshotOf(place, mirror, applied, env);
      } catch (error) {
        // A mirror that is broken is made anew by the next poll.
        if (toSlipwayError(error).code === 'io-error') await mirror.discard();
        throw error;
      }
    },
    watch: (onChange) => poll(place.pollSeconds, onChange),
  };
}

async function snapshotOf(
  place: GitPlace,
  mirror: GitMirror,
  applied: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<SourceSnapshot> {
  const commit = await mirror.commit();
  return {
    revision: commit.id,
    author: commit.author,
    subject: commit.subject,
    committedAt: commit.committedAt,
    ancestry: await ancestryOf(mirror, commit, applied),
    files: () => readCommit(place, mirror, commit, env),
  };
}

async function ancestryOf(mirror: GitMirror, { id }: Commit, applied: string | undefined): Promise<Ancestry> {
  if (applied === id) return 'same';
  // What came from files or by API has no history to rewrite.
  if (applied === undefined || applied.startsWith('sha256:')) return 'builds-on';
  return (await mirror.buildsOn(id, applied)) ? 'builds-on' : 'rewritten';
}

async function readCommit(
  place: GitPlace,
  mirror: GitMirror,
  { id }: Commit,
  env: NodeJS.ProcessEnv,
): Promise<SourceFile[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'slipway-git-'));
  try {
    await layOut(mirror, id, place.path, folder);
    const nameOf = (file: string) => path.relative(folder, file) || '.';
    return await readDeclarations(path.join(folder, place.path), { nameOf, env });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function poll(seconds: number, onChange: () => void): () => void {
  let timer: NodeJS.Timeout;
  const wait = () => {
    const spread = 1 + pollJitter * (2 * Math.random() - 1);
    timer = setTimeout(
      () => {
        onChange();
        wait();
      },
      seconds * spread * 1000,
    );
  };
  wait();
  return () => clearTimeout(timer);
}
