/**
 * Compiles the AssemblyScript of `delta/assembly` to WebAssembly, for `npm run assembly`. The result is kept in Git as
 * text, so that sources run as they are and a device's bundle has it inside. A test holds each to the other.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

/** Folders of `delta/assembly`, each a module of its own. */
export const assemblies = ['approximate', 'go'] as const;

const root = path.dirname(import.meta.dirname);
const sources = path.join(root, 'delta/assembly');
const compilerOptions = ['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--use', 'abort='];
const lineLength = 110;

/** Where the text of a module is kept. */
export function compiledFile(name: string): string {
  return path.join(root, 'delta/compiled', `${name}.ts`);
}

/**
 * What that file has to hold.
 * @throws Error with the compiler's messages
 */
export async function compiledText(name: string): Promise<string> {
  const output = `${name}.wasm`;
  let wasm = new Uint8Array(0);
  let messages = '';
  const input = `${name}/exports.ts`;
  const { error } = await asc.main(['--baseDir', sources, input, ...compilerOptions, '--outFile', output], {
    stderr: {
      write(chunk: string | Uint8Array) {
        messages += chunk.toString();
        return true;
      },
    },
    writeFile(file: string, contents: string | Uint8Array) {
      if (file === output) wasm = Buffer.from(contents);
    },
  });
  if (error !== null || wasm.length === 0)
    throw new Error(`cannot compile ${name}: ${messages}${error?.message ?? ''}`);
  const lines =
    Buffer.from(wasm)
      .toString('base64')
      .match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? [];
  const head = `/** Holds WebAssembly in Base64, made by \`npm run assembly\` from ../assembly/${name}; not to be edited. */`;
  return `${head}\nexport const ${name}Wasm =\n${lines.map((line) => `  '${line}'`).join(' +\n')};\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const name of assemblies) {
    const text = await compiledText(name);
    await mkdir(path.dirname(compiledFile(name)), { recursive: true });
    await writeFile(compiledFile(name), text);
    process.stdout.write(`delta/compiled/${name}.ts ${Math.ceil(text.length / 1024)} KiB\n`);
  }
}
