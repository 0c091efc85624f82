/**
 * YAML that people write (release.yaml, rollouts, configuration), parsed once at the boundary. Each mistake is
 * reported with its line and column. Refuses to read files: callers pass text.
 */
import { isMap, isScalar, LineCounter, type Node, type ParsedNode, parseDocument as parseYaml } from 'yaml';
import type { z } from 'zod';
import { SlipwayError } from './errors.ts';
import { limits } from './limits.ts';

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
 * @throws DocumentError (`document-invalid`) with every problem found
 */
export function parseDocument<S extends z.ZodType>(text: string, schema: S, file: string): z.output<S> {
  if (text.length > limits.maxDocumentBytes) {
    throw new DocumentError(file, [
      { line: 1, column: 1, path: '', message: `document is longer than ${limits.maxDocumentBytes} bytes` },
    ]);
  }
  const lineCounter = new LineCounter();
  const document = parseYaml(text, { lineCounter, prettyErrors: false, strict: true, uniqueKeys: true });
  const at = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  if (document.errors.length > 0) {
    throw new DocumentError(
      file,
      document.errors.map((error) => ({ ...at(error.pos[0]), path: '', message: error.message })),
    );
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new DocumentError(file, [{ line: 1, column: 1, path: '', message }]);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new DocumentError(
    file,
    parsed.error.issues.flatMap((issue) => problemsOf(issue, document.contents, at)),
  );
}

function problemsOf(
  issue: z.core.$ZodIssue,
  root: ParsedNode | null,
  at: (offset: number) => { line: number; column: number },
): DocumentProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      ...at(offsetOf(root, [...issue.path, key], true)),
      path: [...issue.path, key].join('.'),
      message: 'unknown key',
    }));
  }
  return [{ ...at(offsetOf(root, issue.path, false)), path: issue.path.join('.'), message: issue.message }];
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
