import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundleProgram } from '../../infra/bundle.ts';

describe('bundling a program', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'slipway-bundle-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const write = (file: string, text: string) => {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), text);
  };
  const plantPackage = (name: string, text: string) => {
    write(`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' }));
    write(`node_modules/${name}/index.js`, text);
  };
  const bundle = (without: readonly string[] = [], executable = true) =>
    bundleProgram({ entry: 'main.ts', output: 'program.mjs', executable, without }, root, path.join(root, 'dist'));

  it('makes one file that starts by itself, also with a CommonJS package inside', async () => {
    plantPackage('old-style', "const os = require('node:os'); exports.eol = os.EOL.length;");
    write('part.ts', 'export const answer: number = 41;');
    write('main.ts', "import { eol } from 'old-style'; import { answer } from './part.ts'; console.log(answer + eol);");
    await bundle();
    rmSync(path.join(root, 'node_modules'), { recursive: true });
    rmSync(path.join(root, 'part.ts'));
    const program = path.join(root, 'dist/program.mjs');
    const env = { PATH: `${path.dirname(process.execPath)}:${process.env.PATH}` };
    expect(execFileSync(program, { encoding: 'utf8', env })).toBe('42\n');
    expect(existsSync(`${program}.map`)).toBe(true);
  });

  it('has no letter beyond ASCII where its comments had them, and says what its source says', async () => {
    const lines = (more: string) =>
      `export const f = () => {\n  // naïve — on purpose\n  return 'é🦄';\n};\nconsole.log(f()${more});`;
    const program = path.join(root, 'dist/program.mjs');
    write('main.ts', lines(''));
    await bundle();
    expect(readFileSync(program, 'utf8')).toMatch(/^[\0-\x7f]*$/);
    expect(execFileSync(process.execPath, [program], { encoding: 'utf8' })).toBe('é🦄\n');
    write('main.ts', lines(" + /[ö]/.test('ö')"));
    await bundle();
    expect(execFileSync(process.execPath, [program], { encoding: 'utf8' })).toBe('é🦄true\n');
  });

  it.each([
    ['a value of it', "import { STATUS_CODES } from 'node:http';"],
    ['a value of it, and asks for all of it later', "import { STATUS_CODES } from 'node:http'; import './later.ts';"],
  ])('reads of a module of Node what it imports: %s', async (_what, imports) => {
    write(
      'later.ts',
      "export const ask = async () => (await import('node:http')).request;\nprocess.on('exit', () => ask);",
    );
    write(
      'main.ts',
      `${imports} console.log(STATUS_CODES[418], process.moduleLoadList.filter((m) => /undici$/.test(m)));`,
    );
    await bundle();
    const program = path.join(root, 'dist/program.mjs');
    expect(execFileSync(process.execPath, [program], { encoding: 'utf8' })).toBe("I'm a Teapot []\n");
  });

  describe('in parts', () => {
    const inParts = () =>
      bundleProgram(
        { entry: 'main.ts', output: 'program.mjs', executable: false, inParts: true },
        root,
        path.join(root, 'dist'),
      );
    const parts = () => readdirSync(path.join(root, 'dist')).filter((name) => /^program-[A-Z0-9]{8}\.mjs$/.test(name));

    it('loads from a file beside it what it asks for while it runs', async () => {
      write('seldom.ts', "export const said = 'seldom' + ' needed';");
      write('main.ts', "console.log((await import('./seldom.ts')).said);");
      await inParts();
      const program = path.join(root, 'dist/program.mjs');
      expect(readFileSync(program, 'utf8')).not.toContain('seldom" + ');
      expect(parts()).toHaveLength(1);
      expect(execFileSync(process.execPath, [program], { encoding: 'utf8' })).toBe('seldom needed\n');
    });

    it('keeps the parts of an earlier build for programs that run, and removes them after a week', async () => {
      write('seldom.ts', 'export const said = 1;');
      write('main.ts', "console.log((await import('./seldom.ts')).said);");
      await inParts();
      const [first = ''] = parts();
      write('seldom.ts', 'export const said = 2;');
      await inParts();
      expect(parts()).toHaveLength(2);
      const weekAgo = new Date(Date.now() - 8 * 24 * 3600_000);
      utimesSync(path.join(root, 'dist', first), weekAgo, weekAgo);
      await inParts();
      expect(parts()).toHaveLength(1);
      expect(parts()).not.toContain(first);
    });
  });

  it('does not mark a worker as executable', async () => {
    write('main.ts', 'export {};');
    await bundle([], false);
    expect(statSync(path.join(root, 'dist/program.mjs')).mode & 0o111).toBe(0);
  });

  it('refuses a forbidden package that a permitted one brings', async () => {
    plantPackage('fastify', 'exports.listen = () => 0;');
    plantPackage('innocent', "exports.start = () => require('fastify').listen();");
    write('main.ts', "import { start } from 'innocent'; start();");
    await expect(bundle(['fastify'])).rejects.toThrow(
      'program.mjs must not contain fastify (imported by node_modules/innocent/index.js)',
    );
    await expect(bundle(['pg'])).resolves.toBeGreaterThan(0);
  });

  it('refuses a whole scope, and a native package that would stay outside', async () => {
    plantPackage('@aws-sdk/client-s3', 'exports.s3 = 1;');
    write('main.ts', "import { s3 } from '@aws-sdk/client-s3'; import db from 'better-sqlite3'; db(s3);");
    await expect(bundle(['@aws-sdk'])).rejects.toThrow('@aws-sdk/client-s3');
    await expect(bundle(['better-sqlite3'])).rejects.toThrow('better-sqlite3 (imported by main.ts)');
  });

  it('fails when the entry does not exist', async () => {
    await expect(bundle()).rejects.toThrow('main.ts');
  });
});
