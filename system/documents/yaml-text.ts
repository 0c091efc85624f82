/**
 * Reads YAML text into documents in time and memory that grow with its length, also where an attacker wrote it. It
 * reads token by token and stops at the first bound that is passed, with the place. It knows nothing of schemas.
 */
import { Composer, CST, type Document, Lexer, LineCounter, type ParsedNode, Parser } from 'yaml';
import { limits } from '../../contract/limits.ts';
import { nodeProblems } from './yaml-nodes.ts';

export interface YamlProblem {
  /** In characters from the start of the text. */
  readonly offset: number;
  readonly message: string;
}

export interface YamlDocument {
  readonly root: ParsedNode | null;
  /** Empty where the document is sound. */
  readonly problems: readonly YamlProblem[];
  /** Plain values; call it for a sound document only. */
  toPlain(): unknown;
}

interface YamlText {
  /** Empty where a bound was passed. */
  readonly documents: readonly YamlDocument[];
  /** What stopped the reading of the text as a whole, and what was wrong before that. */
  readonly problems: readonly YamlProblem[];
  /** Both 1-based. */
  placeOf(offset: number): { readonly line: number; readonly column: number };
}

interface YamlBounds {
  readonly maxTokens: number;
}

/** One version, no further tags: what a text means does not depend on its own first lines. */
const options = { uniqueKeys: false, strict: true, schema: 'core', resolveKnownTags: false };

export function readYaml(text: string, bounds: YamlBounds = { maxTokens: limits.maxYamlTokens }): YamlText {
  const placeOf = placesIn(text);
  const guard = new Guard(bounds);
  try {
    const documents: YamlDocument[] = [];
    for (const document of compose(text, guard)) documents.push(checked(document, guard));
    return { documents, problems: [], placeOf };
  } catch (error) {
    if (error instanceof BoundPassed) return { documents: [], problems: guard.problems, placeOf };
    throw error;
  }
}

function* compose(text: string, guard: Guard): Generator<Document.Parsed> {
  const lexer = new Lexer();
  const parser = new Parser();
  const composer = new Composer(options);
  // An error of the library takes a tenth of a millisecond to make, a warning too: both are counted before that.
  const inside = composer as unknown as { onError: ErrorSink };
  const tell = inside.onError;
  inside.onError = (source, code, message, isWarning) => {
    if (isWarning) return;
    guard.problem(typeof source === 'number' ? source : Array.isArray(source) ? source[0] : source.offset, message);
    tell(source, code, message);
  };
  const step = function* (tokens: Iterable<CST.Token>): Generator<Document.Parsed> {
    for (const token of tokens) {
      if (token.type === 'error') guard.problem(token.offset, token.message);
      if (token.type === 'directive') guard.directive(token.offset, token.source);
      yield* composer.next(token);
    }
  };
  for (const lexeme of lexer.lex(text)) {
    guard.token(parser.offset, lexeme);
    yield* step(parser.next(lexeme));
    guard.depth(parser.offset, parser.stack.length);
  }
  yield* step(parser.end());
  yield* composer.end();
}

type ErrorSink = (
  source: number | [number, number] | { readonly offset: number },
  code: string,
  message: string,
  isWarning?: boolean,
) => void;

function checked(document: Document.Parsed, guard: Guard): YamlDocument {
  const problems = document.errors.map(({ pos, message }) => ({ offset: pos[0], message: shortened(message) }));
  if (problems.length === 0) {
    for (const problem of nodeProblems(document.contents)) {
      guard.problem(problem.offset, problem.message);
      problems.push(problem);
    }
  }
  return { root: document.contents, problems, toPlain: () => document.toJS({ maxAliasCount: -1 }) };
}

/** Ends the reading; what was found is with the guard. */
class BoundPassed extends Error {}

class Guard {
  readonly problems: YamlProblem[] = [];
  readonly #maxTokens: number;
  #tokens = 0;
  #documents = 1;
  #anchors = 0;
  #aliases = 0;
  /** What follows is the text of a scalar, whatever it looks like. */
  #isScalarNext = false;

  constructor({ maxTokens }: YamlBounds) {
    this.#maxTokens = maxTokens;
  }

  token(offset: number, lexeme: string): void {
    if (++this.#tokens > this.#maxTokens) this.#stop(offset, `more than ${this.#maxTokens} tokens`);
    const type = this.#isScalarNext ? 'scalar-text' : CST.tokenType(lexeme);
    this.#isScalarNext = type === 'scalar';
    if (type === 'anchor' && ++this.#anchors > limits.maxYamlAnchors) {
      this.#stop(offset, `more than ${limits.maxYamlAnchors} anchors`);
    }
    if (type === 'alias' && ++this.#aliases > limits.maxYamlAnchors) {
      this.#stop(offset, `more than ${limits.maxYamlAnchors} aliases`);
    }
    if ((type === 'doc-start' || type === 'doc-end') && ++this.#documents > limits.maxYamlDocuments) {
      this.#stop(offset, `more than ${limits.maxYamlDocuments} documents`);
    }
  }

  depth(offset: number, depth: number): void {
    if (depth > limits.maxYamlDepth) this.#stop(offset, `nested deeper than ${limits.maxYamlDepth} levels`);
  }

  /** The library copies what directives say for each document. */
  directive(offset: number, source: string): void {
    if (!/^%YAML\s+1\.2\s*$/.test(source)) this.#stop(offset, `expected no directive but %YAML 1.2, got ${source}`);
  }

  problem(offset: number, message: string): void {
    if (this.problems.length >= limits.maxProblems) this.#stop(offset, `more than ${limits.maxProblems} problems`);
    this.problems.push({ offset, message: shortened(message) });
  }

  #stop(offset: number, message: string): never {
    this.problems.push({ offset, message: `${shortened(message)}: the text is read no further` });
    throw new BoundPassed();
  }
}

/** A message may quote what it is about, and that may be a line of a megabyte. */
export function shortened(message: string): string {
  const most = limits.maxProblemCharacters;
  return message.length <= most ? message : `${message.slice(0, most)}…`;
}

function placesIn(text: string): YamlText['placeOf'] {
  let lines: LineCounter | undefined;
  return (offset) => {
    lines ??= countLines(text);
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
}

function countLines(text: string): LineCounter {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1);
  return lines;
}
