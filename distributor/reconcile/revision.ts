/** Names a set of declarations that has no commit, by a digest of its names and contents. */
import { type Digest, sha256 } from '../../contract/digest.ts';
import type { SourceFile } from '../declaration/plan.ts';

/** Digest of all names and texts: the same set has the same. */
export function contentSha256(files: readonly SourceFile[]): Digest {
  const lines = files.map(({ name, text }) => JSON.stringify([name, digestOf(text)])).sort();
  return digestOf(lines.join('\n'));
}

/** `sha256:…`, so that it is never taken for a commit. */
export function contentRevision(files: readonly SourceFile[]): string {
  return `sha256:${contentSha256(files)}`;
}

function digestOf(text: string): Digest {
  return sha256(new TextEncoder().encode(text));
}
