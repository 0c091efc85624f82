/**
 * Declarations out of YAML text: several documents a file, each parsed by the schema of its kind. Finds every problem
 * of a file, with its place; knows nothing of other files.
 */
import { LineCounter, type ParsedNode, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { offsetOf } from '../../contract/document.ts';
import { limits } from '../../contract/limits.ts';
import { fleetDocumentSchema } from './fleet.ts';
import { groupDocumentSchema } from './group.ts';
import { apiVersion } from './object-name.ts';
import type { PlanProblem } from './problem.ts';
import { rolloutDocumentSchema } from './rollout.ts';

/** Name as shown in messages; several YAML documents are allowed. */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
}

export const documentSchemas = {
  Fleet: fleetDocumentSchema,
  Group: groupDocumentSchema,
  Rollout: rolloutDocumentSchema,
} as const;
export type Kind = keyof typeof documentSchemas;
const kinds = Object.keys(documentSchemas) as Kind[];

/** Makes a problem at a place of one document. */
export type ProblemAt = (path: readonly PropertyKey[], message: string, fix: string) => PlanProblem;

export type DeclaredDocument = {
  [K in Kind]: {
    readonly kind: K;
    readonly value: z.output<(typeof documentSchemas)[K]>;
    readonly problemAt: ProblemAt;
  };
}[Kind];

export interface ReadFile {
  readonly documents: readonly DeclaredDocument[];
  readonly problems: readonly PlanProblem[];
}

const headSchema = z.looseObject({
  apiVersion: z.literal(apiVersion, `expected apiVersion: ${apiVersion}`),
  kind: z.enum(kinds, `expected one of ${kinds.join(', ')}`),
});

export function readDocuments({ name, text }: SourceFile): ReadFile {
  if (text.length > limits.maxDocumentBytes) {
    const message = `the file is longer than ${limits.maxDocumentBytes} bytes`;
    return { documents: [], problems: [{ file: name, line: 1, column: 1, path: '', message, fix: 'Split it.' }] };
  }
  const lineCounter = new LineCounter();
  const placed = (offset: number, path: readonly PropertyKey[], message: string, fix: string): PlanProblem => {
    const { line, col } = lineCounter.linePos(offset);
    return { file: name, line: Math.max(line, 1), column: Math.max(col, 1), path: path.join('.'), message, fix };
  };
  const documents: DeclaredDocument[] = [];
  const problems: PlanProblem[] = [];
  for (const parsed of parseAllDocuments(text, { lineCounter, prettyErrors: false, strict: true, uniqueKeys: true })) {
    if (!('contents' in parsed)) continue;
    const root = parsed.contents as ParsedNode | null;
    if (parsed.errors.length > 0) {
      for (const { pos, message } of parsed.errors) problems.push(placed(pos[0], [], message, 'Correct the YAML.'));
      continue;
    }
    if (root === null) continue;
    const problemAt: ProblemAt = (path, message, fix) => placed(offsetOf(root, path, false), path, message, fix);
    const value = toPlain(() => parsed.toJS({ maxAliasCount: 100 }));
    const found = value.kind === 'refused' ? [problemAt([], value.message, 'Write the aliases out.')] : [];
    if (value.kind === 'value') {
      const head = headSchema.safeParse(value.value);
      const schema = head.success ? documentSchemas[head.data.kind] : headSchema;
      const result = schema.safeParse(value.value);
      if (head.success && result.success) {
        documents.push({ kind: head.data.kind, value: result.data, problemAt } as DeclaredDocument);
      }
      for (const issue of result.error?.issues ?? []) {
        const keys = issue.code === 'unrecognized_keys' ? issue.keys : undefined;
        for (const key of keys ?? []) {
          const path = [...issue.path, key];
          found.push(placed(offsetOf(root, path, true), path, `unknown key ${key}`, 'Remove it, or correct its name.'));
        }
        if (!keys) found.push(problemAt(issue.path, issue.message, fixOf(issue)));
      }
    }
    problems.push(...found);
  }
  return { documents, problems };
}

function toPlain(read: () => unknown): { kind: 'value'; value: unknown } | { kind: 'refused'; message: string } {
  try {
    return { kind: 'value', value: read() };
  } catch (cause) {
    return { kind: 'refused', message: cause instanceof Error ? cause.message : String(cause) };
  }
}

function fixOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'custom' && typeof issue.params?.fix === 'string') return issue.params.fix;
  if (issue.code === 'invalid_value')
    return `Write ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.join(', ')}.`;
  if (issue.code === 'invalid_type')
    return `Write ${issue.expected === 'array' ? 'a list' : `a value of type ${issue.expected}`}.`;
  return 'Correct the value.';
}
