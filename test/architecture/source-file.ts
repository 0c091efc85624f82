/**
 * One source file as the architecture rules see it: what it imports, which clocks it reads, how long it is, what it says of itself. Parsed to
 * a syntax tree, so comments and strings are never taken for imports; refuses to know any rule.
 */
import path from 'node:path';
import { parseAst } from 'vitest/node';

export interface Import {
  /** A path from the root of the repository for our files, else the specifier as written; `*` for a computed part. */
  readonly target: string;
  /** True for `import type`, `export type` and `import('…')` in a type: gone before the program runs. */
  readonly typeOnly: boolean;
}

export interface SourceFile {
  /** From the root of the repository, with `/`. */
  readonly path: string;
  readonly lines: number;
  /** The text of the comment that it begins with; empty where there is none. */
  readonly header: string;
  readonly imports: readonly Import[];
  /** Names that it declares and exports; what it only passes on is not its own. */
  readonly exports: readonly string[];
  /** Clock and chance read directly: `Date.now`, `new Date()`, `Math.random`, … each once. */
  readonly impurities: readonly string[];
}

interface SyntaxNode {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** @throws SyntaxError of the parser when the text is not TypeScript (JavaScript for `.mjs`) */
export function parseSource(file: string, text: string): SourceFile {
  const tree: unknown = parseAst(text, { lang: file.endsWith('.ts') ? 'ts' : 'js' }, file);
  const imports: Import[] = [];
  const exports: string[] = [];
  const impurities = new Set<string>();
  for (const node of nodesOf(tree)) {
    const found = importOf(node);
    if (found) imports.push({ target: resolveFrom(file, found.specifier), typeOnly: found.typeOnly });
    exports.push(...exportedBy(node));
    const impurity = impurityOf(node);
    if (impurity) impurities.add(impurity);
  }
  const lines = text.trimEnd().split('\n').length;
  return { path: file, lines, header: headerOf(text), imports, exports, impurities: [...impurities] };
}

/** Behind the line that names the interpreter, if there is one. */
function headerOf(text: string): string {
  const [, comment = ''] = /^(?:#!.*\n)?\/\*\*([\s\S]*?)\*\//.exec(text) ?? [];
  return comment.replaceAll(/\s*\n\s*\* ?/g, ' ').trim();
}

function resolveFrom(file: string, specifier: string): string {
  return /^\.{1,2}(\/|$)/.test(specifier) ? path.posix.join(path.posix.dirname(file), specifier) : specifier;
}

function* nodesOf(value: unknown): Generator<SyntaxNode> {
  if (Array.isArray(value)) {
    for (const item of value) yield* nodesOf(item);
  } else if (isNode(value)) {
    yield value;
    for (const child of Object.values(value)) yield* nodesOf(child);
  }
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

function importOf(node: SyntaxNode): { readonly specifier: string; readonly typeOnly: boolean } | undefined {
  switch (node.type) {
    case 'ImportDeclaration':
      // `import { type A }` still loads the module under verbatimModuleSyntax; only `import type` does not.
      return { specifier: textOf(node.source), typeOnly: node.importKind === 'type' };
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
      return isNode(node.source) ? { specifier: textOf(node.source), typeOnly: node.exportKind === 'type' } : undefined;
    case 'ImportExpression':
      return { specifier: textOf(node.source), typeOnly: false };
    case 'TSImportType':
      return { specifier: textOf(node.source), typeOnly: true };
    case 'CallExpression':
      return isRequire(node.callee) && Array.isArray(node.arguments)
        ? { specifier: textOf(node.arguments[0]), typeOnly: false }
        : undefined;
    default:
      return undefined;
  }
}

function exportedBy(node: SyntaxNode): string[] {
  const { declaration } = node;
  if (node.type !== 'ExportNamedDeclaration' || !isNode(declaration)) return [];
  const declared = Array.isArray(declaration.declarations) ? declaration.declarations : [declaration];
  return declared.flatMap(({ id }: { id?: unknown }) => nameOf(id) ?? []);
}

/** `require` by whatever createRequire gave its result the usual name, and `require.resolve`. */
function isRequire(callee: unknown): boolean {
  return nameOf(callee) === 'require' || nameOf(callee) === 'require.resolve';
}

function textOf(node: unknown): string {
  if (!isNode(node)) return '*';
  if (node.type === 'Literal') return String(node.value);
  if (node.type !== 'TemplateLiteral' || !Array.isArray(node.quasis)) return '*';
  return node.quasis.map((part: { value: { cooked: string } }) => part.value.cooked).join('*');
}

const impureNames = ['Date.now', 'Math.random', 'performance.now', 'process.hrtime', 'crypto.randomUUID'];

function impurityOf(node: SyntaxNode): string | undefined {
  const withoutArguments = Array.isArray(node.arguments) && node.arguments.length === 0;
  if (node.type === 'NewExpression' && nameOf(node.callee) === 'Date' && withoutArguments) return 'new Date()';
  // `Date()` is the present time as text whatever its arguments.
  if (node.type === 'CallExpression' && nameOf(node.callee) === 'Date') return 'Date()';
  const name = node.type === 'MemberExpression' ? nameOf(node) : undefined;
  return name !== undefined && impureNames.includes(name) ? name : undefined;
}

/** `a` or `a.b`, also as `a['b']` and without a leading `globalThis.`; undefined for anything else. */
function nameOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === 'Identifier') return String(node.name);
  if (node.type !== 'MemberExpression') return undefined;
  const object = nameOf(node.object);
  const property = node.computed ? textOf(node.property) : nameOf(node.property);
  if (object === undefined || property === undefined) return undefined;
  return object === 'globalThis' ? property : `${object}.${property}`;
}
