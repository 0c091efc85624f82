/**
 * Parses YAML that people write (release.yaml, rollouts, configuration), once at the boundary. Each mistake is reported
 * with its line and column. Callers pass text: no file is read here.
 */
import { isMap, isScalar, type Node, type ParsedNode } from 'yaml';
import type { z } from 'zod';
import { SlipwayError } from '../../contract/errors.ts';
import { limits } from '../../contract/limits.ts';
import { readYaml, shortened } from './yaml-text.ts';

export interface DocumentProblem {
  /** 1-based; 1:1 where the document as a whole is meant. */
  readonly line: number;
  readonly column: number;
  /** Dotted path of the value, empty for the document itself. */
  readonly path: string;
  readonly message: string;
}

/** A document that does not fit its schema; `problems` has at least one entry. */
export class DocumentError extends SlipwayError {
  readonly problems: readonly DocumentProblem[];

  constructor(file: string, problems: readonly DocumentProblem[]) {
    const lines = problems.map((p) => `${file}:${p.line}:${p.column}: ${p.path ? `${p.path}: ` : ''}${p.message}`);
    super('document-invalid', lines.join('\n'), { hint: `Correct ${file} at the places named.` });
    this.problems = problems;
  }
}

/**
 * Parses `text` as one YAML document of the given schema.
 * @param file the name used in messages
 * @throws DocumentError (`document-invalid`) with every problem found, the first ones where there are very many
 */
export function parseDocument<S extends z.ZodType>(text: string, schema: S, file: string): z.output<S> {
  if (text.length > limits.maxDocumentBytes) {
    throw new DocumentError(file, [
      { line: 1, column: 1, path: '', message: `document is longer than ${limits.maxDocumentBytes} bytes` },
    ]);
  }
  const { documents, problems, placeOf } = readYaml(text);
  const [document, second] = documents;
  const found = [...problems, ...documents.flatMap((one) => one.problems)];
  if (second)
    found.push({ offset: second.root?.range[0] ?? 0, message: 'expected one document, this is a second one' });
  if (found.length > 0) {
    const placed = found.slice(0, limits.maxProblems);
    throw new DocumentError(
      file,
      placed.map(({ offset, message }) => ({ ...placeOf(offset), path: '', message })),
    );
  }
  const parsed = schema.safeParse(document?.toPlain() ?? null);
  if (parsed.success) return parsed.data;
  const shown = parsed.error.issues.slice(0, limits.maxProblems);
  const root = document?.root ?? null;
  throw new DocumentError(
    file,
    shown.flatMap((issue) => problemsOf(issue, root, placeOf)).slice(0, limits.maxProblems),
  );
}

function problemsOf(
  issue: z.core.$ZodIssue,
  root: ParsedNode | null,
  at: (offset: number) => { line: number; column: number },
): DocumentProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, limits.maxProblems).map((key) => ({
      ...at(offsetOf(root, [...issue.path, key], true)),
      path: shortened([...issue.path, key].join('.')),
      message: 'unknown key',
    }));
  }
  return [
    {
      ...at(offsetOf(root, issue.path, false)),
      path: shortened(issue.path.join('.')),
      message: shortened(issue.message),
    },
  ];
}

/** Offset of the node at `path`, or of its deepest ancestor that exists; of the key itself when `wantKey`. */
export function offsetOf(root: ParsedNode | null, path: readonly PropertyKey[], wantKey: boolean): number {
  let node: Node | null | undefined = root;
  let offset = root?.range?.[0] ?? 0;
  for (const [index, step] of path.entries()) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === step);
      if (!pair) break;
      const key = pair.key as Node;
      const value = pair.value as Node | null;
      const last = index === path.length - 1;
      offset = (wantKey && last ? key.range?.[0] : (value?.range?.[0] ?? key.range?.[0])) ?? offset;
      node = value;
    } else {
      const items = (node as { items?: unknown[] } | null | undefined)?.items;
      const child: unknown = typeof step === 'number' ? items?.[step] : undefined;
      if (!child) break;
      node = child as Node;
      offset = node.range?.[0] ?? offset;
    }
  }
  return offset;
}
