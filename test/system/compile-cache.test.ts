import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const keeper = path.join(import.meta.dirname, '../../system/command-line/compile-cache.ts');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'compile-cache-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A program that keeps what was compiled of it, started with these variables alone. */
function start(environment: NodeJS.ProcessEnv): string {
  const program = path.join(folder, 'program.mjs');
  writeFileSync(path.join(folder, 'part.mjs'), `export const words = ${JSON.stringify('word '.repeat(500))};\n`);
  writeFileSync(
    program,
    `import { keepCompiled } from ${JSON.stringify(keeper)};
    keepCompiled(process.env);
    console.log((await import('./part.mjs')).words.length);`,
  );
  return spawnSync(process.execPath, [program], { encoding: 'utf8', env: environment }).stdout;
}

const kept = (cache: string) => (existsSync(cache) ? readdirSync(cache, { recursive: true }).length : 0);

describe('what Node compiled of a program', () => {
  it.each([
    ['the cache folder of its service', 'of-service', { CACHE_DIRECTORY: 'of-service', HOME: 'home' }],
    ['the cache of its user', 'cache/slipway', { XDG_CACHE_HOME: 'cache', HOME: 'home' }],
    ['the home of its user', 'home/.cache/slipway', { HOME: 'home' }],
  ])('is kept in %s', (_what, cache, variables) => {
    const environment = Object.fromEntries(Object.entries(variables).map(([k, v]) => [k, path.join(folder, v)]));
    expect(start(environment)).toBe('2500\n');
    expect(kept(path.join(folder, cache))).toBeGreaterThan(0);
    expect(start(environment)).toBe('2500\n');
  });

  it('is not kept where others can write, and where there is no place for it the program starts all the same', () => {
    const open = path.join(folder, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    writeFileSync(path.join(folder, 'file'), '');
    expect(start({ CACHE_DIRECTORY: open })).toBe('2500\n');
    expect(kept(open)).toBe(0);
    for (const variables of [{}, { CACHE_DIRECTORY: 'relative' }, { HOME: path.join(folder, 'file') }]) {
      expect(start(variables)).toBe('2500\n');
    }
  });
});
