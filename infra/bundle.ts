/**
 * Bundles our programs into single ESM files for Node 24. It decides how a bundle is made and what may not be inside
 * one; build.ts decides which programs there are.
 */
import { readFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { build, type Metafile, type Plugin, transform } from 'esbuild';

export interface BundledProgram {
  /** Source, relative to the root of the repository. */
  readonly entry: string;
  /** File in the output folder. */
  readonly output: string;
  /** True for a file that people start, false for a worker. */
  readonly executable: boolean;
  /** True for programs on devices: without white space and long names Node needs 20 MB less from its first byte on. */
  readonly compact?: boolean;
  /** Modules of Node that a package asks for and can do without: what it asks for is not there. */
  readonly absent?: readonly string[];
  /** True for programs that load some of their code only when they need it, from files beside them. */
  readonly inParts?: boolean;
  /** npm packages that must not be inside, nor be asked for at run time; `@scope` means all of a scope. */
  readonly without?: readonly string[];
}

/** Packages that carry `.node` files stay outside and are found at run time. */
const nativePackages = ['better-sqlite3', '@chainsafe/xdelta3-*'];

/** CommonJS packages inside an ES module ask for `require`; a Node that is too old has to get past it. */
const requireShim = "const require = process.getBuiltinModule?.('node:module').createRequire(import.meta.url);";

/**
 * Node makes a namespace of each of its modules that an ES module imports, and for that reads all that the module exports: for
 * `node:http` that loads a WebSocket with all of fetch, which takes 14 MB, for `node:tls` the certificates. Asked for as values
 * they take a third less of the start of a program.
 */
const nodeModulesAsValues: Plugin = {
  name: 'node-modules-as-values',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[a-z0-9_:/]+$/ }, ({ path: asked, kind }) => {
      const isOfNode = asked.startsWith('node:') || builtinModules.includes(asked);
      // What a call asks for while the program runs stays a call: all of the module would be read at the start for it.
      return kind === 'import-statement' && isOfNode ? { path: asked, namespace: 'value-of-node' } : undefined;
    });
    onLoad({ filter: /./, namespace: 'value-of-node' }, ({ path: asked }) => {
      const names = Object.keys(process.getBuiltinModule(asked) ?? {}).filter((name) => name !== 'default');
      // What nobody imports is left out, unread.
      const values = names.map((name) => `export const ${name} = /* @__PURE__ */ (() => all.${name})();`);
      // A Node that is too old has no such function, and has to get as far as saying that it is too old.
      const all = `const all = process.getBuiltinModule?.('${asked}') ?? {};`;
      return { contents: [all, 'export default all;', ...values].join('\n') };
    });
  },
};

/** A package that asks for one of these in a `try` goes on without it. */
function absentModules(absent: readonly string[]): Plugin {
  return {
    name: 'absent-modules',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /./ }, ({ path: asked }) =>
        absent.includes(asked) ? { path: asked, namespace: 'absent' } : undefined,
      );
      onLoad({ filter: /./, namespace: 'absent' }, ({ path: asked }) => ({
        contents: `throw new Error('${asked} is left out');`,
      }));
    },
  };
}

const interpreter = '#!/usr/bin/env node';

function bannerOf({ executable, entry }: BundledProgram, root: string): string {
  const needsInterpreter = executable && !hasInterpreter(path.join(root, entry));
  return needsInterpreter ? `${interpreter}\n${requireShim}` : requireShim;
}

/** esbuild keeps an interpreter line that the source has; a second one would be a syntax error. */
function hasInterpreter(entry: string): boolean {
  return readFileSync(entry, 'utf8').startsWith('#!');
}

/**
 * Writes `<outputFolder>/<program.output>` with its linked source map.
 * @returns its length in bytes
 * @throws Error when the source does not bundle or a forbidden package is inside
 */
export async function bundleProgram(program: BundledProgram, root: string, outputFolder: string): Promise<number> {
  const outfile = path.join(outputFolder, program.output);
  const { name } = path.parse(program.output);
  const result = await build({
    absWorkingDir: root,
    entryPoints: [{ in: program.entry, out: name }],
    outdir: outputFolder,
    outExtension: { '.js': '.mjs' },
    splitting: program.inParts === true,
    chunkNames: `${name}-[hash]`,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    external: nativePackages,
    banner: { js: bannerOf(program, root) },
    plugins: [absentModules(program.absent ?? []), nodeModulesAsValues],
    sourcemap: 'linked',
    minify: program.compact === true,
    keepNames: program.compact === true,
    legalComments: 'external',
    metafile: true,
    logLevel: 'silent',
    write: false,
  });
  const found = forbiddenPackages(result.metafile, program.without ?? []);
  if (found.length > 0) {
    throw new Error(`${program.output} must not contain ${found.map((f) => `${f.package} (${f.because})`).join(', ')}`);
  }
  await mkdir(outputFolder, { recursive: true });
  // The program last: what it loads is there before it.
  const files = result.outputFiles.toSorted((a, b) => Number(a.path === outfile) - Number(b.path === outfile));
  for (const file of files) {
    const contents = file.path.endsWith('.mjs') ? await asAscii(file.text) : file.contents;
    await replaceFile(file.path, contents, program.executable && file.path === outfile ? 0o755 : 0o644);
  }
  await removeOldParts(name, outputFolder, new Set(files.map((file) => path.basename(file.path))));
  return Object.entries(result.metafile.outputs).find(([name]) => name.endsWith(program.output))?.[1].bytes ?? 0;
}

/** A program that was started before this build may still ask for its parts: they stay for some days. */
const keptMs = 7 * 24 * 3600_000;

async function removeOldParts(name: string, outputFolder: string, needed: ReadonlySet<string>): Promise<void> {
  const isPart = new RegExp(`^${name}-[A-Z0-9]{8}\\.mjs`);
  for (const found of await readdir(outputFolder)) {
    const file = path.join(outputFolder, found);
    if (!isPart.test(found) || needed.has(found)) continue;
    if (Date.now() - (await stat(file)).mtimeMs > keptMs) await rm(file);
  }
}

const beyondAscii = /[^\0-\x7f]/g;

/**
 * Node keeps two bytes for each letter of a program with a single letter beyond ASCII. esbuild escapes them in code and
 * leaves them in comments, where a question mark of the same width stands for them, and in regular expressions, which
 * stay.
 */
async function asAscii(text: string): Promise<Uint8Array> {
  if (text.search(beyondAscii) >= 0) {
    const { code } = await transform(text, { minifyWhitespace: true, legalComments: 'none' });
    if (code.search(beyondAscii) >= 0) return Buffer.from(text);
  }
  return Buffer.from(text.replace(beyondAscii, '?'), 'latin1');
}

/** Whole at any moment: a program may be started while it is built anew. */
async function replaceFile(file: string, contents: Uint8Array, mode: number): Promise<void> {
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, contents, { mode });
  await rename(draft, file);
}

interface ForbiddenPackage {
  readonly package: string;
  /** The permitted file that brings it in. */
  readonly because: string;
}

/**
 * Forbidden packages that a bundle contains or leaves to be imported at run time, each once and where it comes in:
 * what one forbidden package brings with it is not named again.
 */
function forbiddenPackages(metafile: Metafile, forbidden: readonly string[]): ForbiddenPackage[] {
  const isForbidden = (name: string | undefined) =>
    name !== undefined && forbidden.some((pattern) => name === pattern || name.startsWith(`${pattern}/`));
  const found = new Map<string, string>();
  for (const [file, input] of Object.entries(metafile.inputs)) {
    if (isForbidden(packageOfFile(file))) continue;
    for (const imported of input.imports) {
      const name = imported.external ? packageOfSpecifier(imported.path) : packageOfFile(imported.path);
      if (name !== undefined && isForbidden(name) && !found.has(name)) found.set(name, `imported by ${file}`);
    }
  }
  return [...found].map(([name, because]) => ({ package: name, because }));
}

/** `node_modules/@scope/name/lib/x.js` → `@scope/name`; the innermost package of nested ones. */
function packageOfFile(file: string): string | undefined {
  const at = file.lastIndexOf('node_modules/');
  return at === -1 ? undefined : packageOfSpecifier(file.slice(at + 'node_modules/'.length));
}

function packageOfSpecifier(specifier: string): string {
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}
