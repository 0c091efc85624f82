/**
 * Reads Kubernetes manifests as text: checks that every tool reads in them what stands there, and joins several of them
 * to one stream. The tools cut a stream at lines `---` before they parse (apimachinery, YAMLReader), so a directive, a
 * second document behind `...`, or content beside `---` is lost or refused on the cluster; here it is refused with file
 * and line.
 */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml';
import { DocumentError, type DocumentProblem } from '../../system/documents/document.ts';
import { readYaml } from '../../system/documents/yaml-text.ts';
import { decodeText } from './strict-text.ts';

/** One checked source. */
export interface ManifestText {
  /** The name used in messages. */
  readonly file: string;
  readonly text: string;
  /** What each of its documents says, empty ones left out; equal strings mean equal content. */
  readonly documents: readonly string[];
  /** Its last value is a block without a line break at its end: whatever follows gives the value one. */
  readonly endsOpen: boolean;
}

/** @throws DocumentError (`document-invalid`) with every problem of the first kind that is found */
export function readManifestText(bytes: Uint8Array, file: string): ManifestText {
  const text = decodeText(bytes, file);
  const chunks = chunksOf(text);
  const strays = chunks.flatMap(({ stray }) => stray ?? []);
  if (strays.length > 0) throw new DocumentError(file, strays);
  requireBounded(text, file);
  const read = chunks.map((chunk) => readChunk(chunk, file));
  const documents = read.flatMap(({ document }) => document ?? []);
  if (documents.length > 0 && /\.json$/i.test(file)) requireJson(text, file);
  return { file, text, documents, endsOpen: !text.endsWith('\n') && read.at(-1)?.endsInBlock === true };
}

/**
 * One stream of all documents, in the order given; it is read again and says the same.
 * @throws DocumentError (`document-invalid`) for a file whose last document would change when another follows it
 */
export function joinManifests(sources: readonly ManifestText[]): Uint8Array {
  const parts = sources.map(({ text }) => {
    const begun = /^---[ \t]*(#.*)?\r?(\n|$)/.test(text) ? text : `---\n${text}`;
    return begun.endsWith('\n') ? begun : `${begun}\n`;
  });
  const bytes = new TextEncoder().encode(parts.join(''));
  const joined = readManifestText(bytes, 'the joined manifests').documents;
  let at = 0;
  for (const { file, text, documents, endsOpen } of sources) {
    if (endsOpen || documents.some((document, index) => joined[at + index] !== document)) {
      const line = text.split('\n').length;
      throw new DocumentError(file, [
        { line, column: 1, path: '', message: 'expected a line break at its end: its last value changes without one' },
      ]);
    }
    at += documents.length;
  }
  return bytes;
}

/**
 * Manifests of others may be of any length, which takes time in proportion; nested or anchored beyond bounds they may
 * not be.
 */
function requireBounded(text: string, file: string): void {
  const { problems, placeOf } = readYaml(text, { maxTokens: Number.POSITIVE_INFINITY });
  if (problems.length === 0) return;
  throw new DocumentError(
    file,
    problems.map(({ offset, message }) => ({ ...placeOf(offset), path: '', message })),
  );
}

/** What stands between two lines `---`. */
interface Chunk {
  /** Line of its first character, 1-based. */
  readonly line: number;
  readonly text: string;
  /** Something that the tools do not read as YAML does. */
  readonly stray?: DocumentProblem;
}

function chunksOf(text: string): Chunk[] {
  const chunks: Chunk[] = [];
  let begin = { line: 1, offset: 0 };
  let line = 1;
  let stray: DocumentProblem | undefined;
  const end = (offset: number) => {
    chunks.push({
      line: begin.line,
      text: text.slice(begin.offset, offset),
      ...(stray === undefined ? {} : { stray }),
    });
    stray = undefined;
  };
  for (let offset = 0; offset < text.length; line++) {
    const newline = text.indexOf('\n', offset);
    const next = newline < 0 ? text.length : newline + 1;
    if (text.startsWith('---', offset)) {
      end(offset);
      begin = { line: line + 1, offset: next };
      if (!/^\s*(#|$)/.test(text.slice(offset + 3, next))) {
        stray = { line, column: 4, path: '', message: 'Kubernetes tools read nothing beside ---: begin a new line' };
      }
    } else if (text[offset] === '%') {
      const message = 'Kubernetes tools read no directives such as %YAML: remove the line';
      stray ??= { line, column: 1, path: '', message };
    }
    offset = next;
  }
  end(text.length);
  return chunks;
}

function readChunk(chunk: Chunk, file: string): { readonly document?: string; readonly endsInBlock: boolean } {
  const lineCounter = new LineCounter();
  const place = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return { line: chunk.line + Math.max(line, 1) - 1, column: Math.max(col, 1), path: '' };
  };
  const problems: DocumentProblem[] = [];
  let found: { document?: string; endsInBlock: boolean } = { endsInBlock: false };
  try {
    // Duplicate keys are looked for here: the parser compares each with each.
    const parsed = parseAllDocuments(chunk.text, { lineCounter, prettyErrors: false, strict: true, uniqueKeys: false });
    const documents = ([...parsed] as Document.Parsed[]).filter((document) => !isEmpty(document));
    for (const { errors } of parsed as Document.Parsed[]) {
      problems.push(...errors.map(({ pos, message }) => ({ ...place(pos[0]), message })));
    }
    const [first, second] = documents;
    if (second) {
      const message = 'Kubernetes tools read no second document here: begin it with a line ---';
      problems.push({ ...place(second.contents?.range?.[0] ?? 0), message });
    }
    if (first && problems.length === 0) {
      const content = new Content((offset, message) => problems.push({ ...place(offset), message }));
      const document = content.of(first.contents);
      found = { document, endsInBlock: content.blockEnd >= chunk.text.length };
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    problems.push({ line: chunk.line, column: 1, path: '', message: 'nested too deeply to be read' });
  }
  if (problems.length > 0) throw new DocumentError(file, problems);
  return found;
}

/** Comments alone are no document, and neither is an explicit null. */
function isEmpty({ contents, errors }: Document.Parsed): boolean {
  const isNull = contents === null || (isScalar(contents) && contents.value === null);
  return errors.length === 0 && isNull;
}

/** Writes what a document says as one string, aliases as they are, and reports keys and aliases that are in doubt. */
class Content {
  /** Offset behind the last block scalar that keeps the line break at its end. */
  blockEnd = 0;
  readonly #anchors = new Set<string>();
  readonly #report: (offset: number, message: string) => void;

  constructor(report: (offset: number, message: string) => void) {
    this.#report = report;
  }

  of(node: unknown): string {
    if (isAlias(node)) {
      if (!this.#anchors.has(node.source)) this.#report(startOf(node), `there is no anchor &${node.source} before it`);
      return `*${JSON.stringify(node.source)}`;
    }
    const { tag = '', anchor } = (node ?? {}) as { tag?: string; anchor?: string };
    if (anchor !== undefined) this.#anchors.add(anchor);
    const head = JSON.stringify([tag, anchor ?? '']);
    if (isMap(node)) {
      const keys = new Set<string>();
      const pairs = node.items.map(({ key, value }) => {
        this.#requireNew(keys, key);
        return `${this.of(key)}:${this.of(value)}`;
      });
      return `${head}{${pairs.join()}}`;
    }
    if (isSeq(node)) return `${head}[${node.items.map((item) => this.of(item)).join()}]`;
    const value = isScalar(node) ? node.value : undefined;
    const isBlock = isScalar(node) && (node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED');
    if (isBlock && String(value).endsWith('\n')) this.blockEnd = node.range?.[1] ?? 0;
    return `${head}${typeof value}${JSON.stringify(String(value))}`;
  }

  /** Keys become JSON strings, so that 1 and "1" are the same. */
  #requireNew(keys: Set<string>, key: unknown): void {
    if (!isScalar(key)) return;
    const name = String(key.value);
    if (keys.has(name)) this.#report(startOf(key), `the key ${JSON.stringify(name)} is there twice`);
    keys.add(name);
  }
}

function startOf(node: Node): number {
  return node.range?.[0] ?? 0;
}

/**
 * What begins like JSON is read as JSON by the tools, so that YAML in a .json file is lost. The message has the line.
 */
function requireJson(text: string, file: string): void {
  try {
    JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new DocumentError(file, [{ line: 1, column: 1, path: '', message: `expected JSON: ${message}` }]);
  }
}
