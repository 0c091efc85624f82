/** Reads labels as people write them on the command line: `key=value`, and `key-` to take one away. */
import { type Labels, labelsSchema } from '../../../contract/device-api/labels.ts';
import { SlipwayError } from '../../../contract/errors.ts';

/** For an option that may be repeated. @throws SlipwayError `usage` */
export function parseLabel(text: string, before: Labels = {}): Labels {
  const [key = '', value] = [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)];
  const parsed = labelsSchema.safeParse({ ...before, [key]: value });
  if (text.includes('=') && parsed.success) return parsed.data;
  throw new SlipwayError('usage', `"${text}" is not a label: expected key=value`, {
    hint: 'A key has letters, digits and inner . _ / -; a value has 63 characters at most.',
  });
}

/** Null takes a label away. @throws SlipwayError `usage` */
export function parseLabelChanges(words: readonly string[]): Record<string, string | null> {
  const changes: Record<string, string | null> = {};
  for (const word of words) {
    if (word.endsWith('-') && !word.includes('=')) changes[word.slice(0, -1)] = null;
    else Object.assign(changes, parseLabel(word));
  }
  return changes;
}
