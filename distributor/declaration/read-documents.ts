/**
 * Reads declarations out of YAML text: several documents a file, each parsed by the schema of its kind. It finds every
 * problem of a file, with its place, and knows nothing of other files.
 */
import * as z from 'zod';
import { limits } from '../../contract/limits.ts';
import { offsetOf } from '../../system/documents/document.ts';
import { readYaml, shortened, type YamlDocument } from '../../system/documents/yaml-text.ts';
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

/** A document that others may name. */
export interface NamedDocument {
  readonly kind: Kind;
  readonly name: string;
}

interface ReadFile {
  readonly documents: readonly DeclaredDocument[];
  /** Documents with problems: what refers to them is no problem of its own. */
  readonly broken: readonly NamedDocument[];
  /** False where it is not known what else the file declares. */
  readonly isWhole: boolean;
  readonly problems: readonly PlanProblem[];
}

const headSchema = z.looseObject({
  apiVersion: z.literal(apiVersion, `expected apiVersion: ${apiVersion}`),
  kind: z.enum(kinds, `expected one of ${kinds.join(', ')}`),
});
const nameSchema = z.looseObject({ metadata: z.looseObject({ name: z.string() }) });

export function readDocuments({ name, text }: SourceFile): ReadFile {
  if (text.length > limits.maxDocumentBytes) {
    const message = `the file is longer than ${limits.maxDocumentBytes} bytes`;
    const problem = { file: name, line: 1, column: 1, path: '', message, fix: 'Split it.' };
    return { documents: [], broken: [], isWhole: false, problems: [problem] };
  }
  const { documents, problems, placeOf } = readYaml(text);
  const placed: Placed = (offset, path, message, fix) => {
    const texts = { path: shortened(path.join('.')), message: shortened(message) };
    return { file: name, ...placeOf(offset), ...texts, fix };
  };
  if (problems.length > 0) {
    const malformed = problems.map(({ offset, message }) => placed(offset, [], message, 'Correct the YAML.'));
    return { documents: [], broken: [], isWhole: false, problems: malformed };
  }
  const read = documents.map((document) => readDocument(document, placed));
  return {
    documents: read.flatMap((found) => found.documents),
    broken: read.flatMap((found) => found.broken),
    isWhole: read.every((found) => found.isWhole),
    problems: read.flatMap((found) => found.problems),
  };
}

type Placed = (offset: number, path: readonly PropertyKey[], message: string, fix: string) => PlanProblem;

function readDocument({ root, problems: found, toPlain }: YamlDocument, placed: Placed): ReadFile {
  const nothing = { documents: [], broken: [], isWhole: true, problems: [] };
  if (found.length > 0) {
    const problems = found.map(({ offset, message }) => placed(offset, [], message, 'Correct the YAML.'));
    return { ...nothing, isWhole: false, problems };
  }
  const plain = root === null ? null : toPlain();
  if (plain === null) return nothing;
  const problemAt: ProblemAt = (path, message, fix) => placed(offsetOf(root, path, false), path, message, fix);
  const head = headSchema.safeParse(plain);
  const result = (head.success ? documentSchemas[head.data.kind] : headSchema).safeParse(plain);
  if (head.success && result.success) {
    const document = { kind: head.data.kind, value: result.data, problemAt } as DeclaredDocument;
    return { ...nothing, documents: [document] };
  }
  const problems = (result.error?.issues ?? []).slice(0, limits.maxProblems).flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return [problemAt(issue.path, messageOf(issue), fixOf(issue))];
    return issue.keys.slice(0, limits.maxProblems).map((key) => {
      const path = [...issue.path, key];
      return placed(offsetOf(root, path, true), path, `unknown key ${key}`, 'Remove it, or correct its name.');
    });
  });
  const named = nameSchema.safeParse(plain);
  if (!head.success || !named.success) return { ...nothing, isWhole: false, problems };
  return { ...nothing, broken: [{ kind: head.data.kind, name: named.data.metadata.name }], problems };
}

/** What is wrong with a key is told by the key's own rule. */
function messageOf(issue: z.core.$ZodIssue): string {
  return (issue.code === 'invalid_key' ? issue.issues[0]?.message : undefined) ?? issue.message;
}

function fixOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'custom' && typeof issue.params?.fix === 'string') return issue.params.fix;
  if (issue.code === 'invalid_value')
    return `Write ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.join(', ')}.`;
  if (issue.code === 'invalid_type')
    return `Write ${issue.expected === 'array' ? 'a list' : `a value of type ${issue.expected}`}.`;
  return 'Correct the value.';
}
