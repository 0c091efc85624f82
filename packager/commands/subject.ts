/** Opens what `inspect` and `verify` are pointed at: a store, a build folder or a bundle. */
import { stat } from 'node:fs/promises';
import { SlipwayError } from '../../contract/errors.ts';

type Subject =
  | { readonly kind: 'store'; readonly url: string }
  | { readonly kind: 'build'; readonly folder: string }
  | { readonly kind: 'bundle'; readonly file: string };

/** @throws SlipwayError `document-unreadable` when there is no such path */
export async function subjectOf(text: string): Promise<Subject> {
  if (text.includes('://')) return { kind: 'store', url: text };
  const found = await stat(text).catch((cause: unknown) => {
    throw new SlipwayError('document-unreadable', `there is no ${text}`, {
      hint: 'Give a build folder, a bundle, or the URL of a store.',
      cause,
    });
  });
  return found.isDirectory() ? { kind: 'build', folder: text } : { kind: 'bundle', file: text };
}
